"""Only `db/driver_errors` turns an error of the database driver into text."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DRIVERS = ("psycopg", "DBAPIError", "SQLAlchemyError", "PoolTimeout")
MAY = {"shared/crawljobs/db/driver_errors.py"}
SPOKEN = ("str", "repr", "format")


def spoken_driver_errors(source: str) -> Iterator[int]:
    """Yield the lines on which a handler of driver errors turns the error itself into text."""
    for handler in ast.walk(ast.parse(source)):
        if not isinstance(handler, ast.ExceptHandler) or handler.name is None:
            continue
        if handler.type is None or not any(name in ast.unparse(handler.type) for name in DRIVERS):
            continue
        for node in ast.walk(handler):
            value = node.value if isinstance(node, ast.FormattedValue) else None
            if isinstance(node, ast.Call) and ast.unparse(node.func) in SPOKEN and node.args:
                value = node.args[0]
            if isinstance(value, ast.Name) and value.id == handler.name:
                yield node.lineno


@pytest.mark.parametrize("top", ["shared", "services", "deploy", "migrations"])
def test_no_handler_of_a_driver_error_repeats_its_text(top: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted((ROOT / top).rglob("*.py"))
        if str(path.relative_to(ROOT)) not in MAY
        for line in spoken_driver_errors(path.read_text())
    ]
    assert found == []


def test_such_a_handler_would_be_found() -> None:
    body = "try:\n    pass\nexcept psycopg.Error as error:\n    raise X(f'it said {error}')\n"
    assert [*spoken_driver_errors(body)] == [4]
    stringified = "try:\n    pass\nexcept DBAPIError as error:\n    log(str(error))\n"
    assert [*spoken_driver_errors(stringified)] == [4]
