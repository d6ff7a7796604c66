"""The table of the cases of groups names an existing test for each case."""

import re

from support import images

TESTS = images.ROOT / "tests"
ROWS = re.findall(
    r"^\| (\d+) \| [^|]+ \| `([a-z_/]+\.py)` \|$", (TESTS / "README.md").read_text(), re.MULTILINE
)
NAMES = re.compile(r"def test_cases?_(\d+(?:_and_\d+)*)_")


def test_each_case_has_a_test_with_its_number() -> None:
    assert [int(number) for number, _ in ROWS] == list(range(1, 27))
    for number, path in ROWS:
        named = NAMES.findall((TESTS / path).read_text())
        assert number in {each for names in named for each in names.split("_and_")}, path
