"""Each log action, column and function that a document names exists in the code."""

import re
from pathlib import Path

import pytest

from crawljobs.db import tables

ROOT = Path(__file__).parents[2]
MODULES = [
    path
    for folder in ("services", "shared", "migrations")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
CODE = "\n".join(path.read_text() for path in MODULES)
PAGES = [
    *sorted((ROOT / "docs").rglob("*.md")),
    *(ROOT / "deploy/README.md", ROOT / "migrations/README.md", ROOT / "README.md"),
]
FILE_TYPES = {"py", "md", "sh", "yaml", "yml", "json", "txt", "crt", "key", "lock", "toml", "env"}
FILE_TYPES |= {"sql"}


def dotted_names(text: str) -> set[tuple[str, str]]:
    """Return names such as `keeper.disconnected`, without file names."""
    found = re.findall(r"`([a-z][a-z_]*)\.([a-z][a-z_]*)`", text)
    return {(first, second) for first, second in found if second not in FILE_TYPES}


def exists(first: str, second: str) -> bool:
    """Return whether the name is a log action, a column of a table or a function of a module."""
    table = tables.metadata.tables.get(first)
    return (
        f'"{first}.{second}"' in CODE
        or (table is not None and second in table.columns)
        or any(f"def {second}(" in path.read_text() for path in MODULES if path.stem == first)
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_dotted_name_of_a_page_exists(page: Path) -> None:
    names = dotted_names(page.read_text())
    assert sorted(".".join(name) for name in names if not exists(*name)) == []


def test_an_unknown_name_would_be_found() -> None:
    ((first, second),) = dotted_names("`keeper.went_away` and `alerts.yaml`")
    assert not exists(first, second)
