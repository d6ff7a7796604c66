"""docs/REDDIT.md shows the same table of meanings as the code."""

from pathlib import Path

from crawljobs.domain.reply_meaning import Meaning
from support import reply_table

TEXT = (Path(__file__).parents[2] / "docs" / "REDDIT.md").read_text()


def test_the_table_of_meanings_is_that_of_the_code() -> None:
    """After a change, PYTHONPATH=tests python -m support.reply_table prints the new table."""
    written = [line for line in TEXT.splitlines() if line.startswith("|")]
    start = written.index(reply_table.HEAD[0])
    assert written[start : start + len(reply_table.rows())] == reply_table.rows()


def test_every_meaning_is_explained() -> None:
    for meaning in Meaning:
        assert f"| `{meaning}` | " in TEXT, meaning
