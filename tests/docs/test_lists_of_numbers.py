"""The lists of fixed numbers are documents too: a change of a number changes its list as well."""

import runpy
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "file", sorted(TESTS.rglob("test_numbers.py")), ids=lambda file: file.parent.name
)
def test_every_list_is_right(file: Path) -> None:
    checks = [
        value for name, value in runpy.run_path(str(file)).items() if name.startswith("test_")
    ]
    assert checks
    for check in checks:
        check()
