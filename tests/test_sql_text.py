"""SQL is composed with SQLAlchemy Core. Decision 111 lists the exceptions with their tests.

The listed statements are text because their speed was measured. All other statements belong in
Core.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REPOSITORY = ROOT / "shared" / "crawljobs" / "repository"
DECISIONS = (ROOT / "shared" / "DECISIONS.md").read_text()
# A row of the table names the module, the kind of its statements, and their plan test. For SQL
# fragments it names the modules that use them.
ROW = re.compile(r"^\| `repository/([\w/]+\.py)` \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
MAKES_TEXT = {"text", "short", "DriverStatement"}


@dataclass(frozen=True)
class Listed:
    module: Path
    reason: str
    plan_tests: list[Path]
    users: list[str]  # for SQL fragments: the listed modules that use the fragments


def listed() -> dict[str, Listed]:
    found = {}
    for module, reason, held_by in ROW.findall(DECISIONS):
        names = re.findall(r"`([\w/]+\.py)`", held_by)
        found[module] = Listed(
            REPOSITORY / module,
            reason.strip(),
            [ROOT / name for name in names if name.startswith("tests/")],
            [name.removeprefix("repository/") for name in names if name.startswith("repository/")],
        )
    return found


LISTED = listed()


def of_repository() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(REPOSITORY.rglob("*.py")):
        yield path.relative_to(REPOSITORY).as_posix(), ast.parse(path.read_text())


def called(tree: ast.AST) -> set[str]:
    return {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


def statements(tree: ast.Module) -> Iterator[str]:
    """Yield the names of a module's constants that hold SQL text or are built from it."""
    builders = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and called(node) & MAKES_TEXT
    }
    # Maps the name of each statement to the name of the collection that contains the statement.
    made: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if not isinstance(target, ast.Name):
                continue
            used = {one.id for one in ast.walk(node.value) if isinstance(one, ast.Name)}
            made |= dict.fromkeys(made.keys() & used, target.id)
            if called(node.value) & (MAKES_TEXT | builders):
                made[target.id] = target.id
    yield from sorted(set(made.values()))


def test_only_listed_modules_have_sql_text() -> None:
    with_text = {name for name, tree in of_repository() if called(tree) & MAKES_TEXT}
    assert with_text <= set(LISTED), "compose the SQL in Core, or list the module in decision 111"
    with_fragments = {name for name, one in LISTED.items() if one.users}
    assert set(LISTED) - with_text <= with_fragments
    assert all(one.reason for one in LISTED.values())


def test_ruff_allows_composed_sql_text_in_the_listed_modules_alone() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    ignores = settings["tool"]["ruff"]["lint"]["per-file-ignores"]
    allowed = {path for path, rules in ignores.items() if "S608" in rules} - {"tests/**"}
    composing = {name for name in LISTED if 'f"' in (REPOSITORY / name).read_text()}
    assert allowed == {f"shared/crawljobs/repository/{name}" for name in composing}


@pytest.mark.parametrize("name", sorted(LISTED))
def test_each_listed_statement_has_a_plan_test(name: str) -> None:
    one = LISTED[name]
    if one.users:
        for user in one.users:
            assert user in LISTED, user
            assert re.search(rf"\b{one.module.stem}\b", (REPOSITORY / user).read_text()), user
        return
    tested = "".join(path.read_text() for path in one.plan_tests)
    assert "generic_plan" in tested
    without = [
        statement
        for statement in statements(ast.parse(one.module.read_text()))
        if not re.search(rf"\b{one.module.stem}\.{statement}\b|\"{statement}\"", tested)
    ]
    assert without == []
