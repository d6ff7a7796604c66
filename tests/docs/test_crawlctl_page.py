"""The page of crawlctl is generated from its commands."""

from pathlib import Path

from crawlctl import reference

PAGE = Path(__file__).parents[2] / "docs/reference/crawlctl.md"


def test_the_page_is_that_of_the_commands() -> None:
    present = PAGE.read_text()
    written = reference.page(present)
    assert present == written, f"write it: python -m crawlctl.reference {PAGE}"
