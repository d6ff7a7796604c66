"""docs/reference/fields.md names the column of each field that a crawl reads."""

import re
from pathlib import Path

import pytest

from crawler_worker.reddit.items import extra_parsing
from crawljobs.db import tables
from crawljobs.repository.content import stored_subreddits
from crawljobs.repository.content.page_storage import crawled_comments, crawled_posts

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "fields.md").read_text()
FILLED = {
    "posts": {*crawled_posts._COLUMNS.keys, *crawled_posts._COLUMNS.stored},
    "comments": {*crawled_comments._COLUMNS.keys, *crawled_comments._COLUMNS.stored},
    "authors": {"name", "reddit_id", "created_at_reddit", "suspended"},
    "subreddits": {"name", *stored_subreddits._ABOUT.split(", ")},
}


def columns_of(table: str) -> set[str]:
    """Return the columns that the page names for the fields of a table."""
    (section,) = re.findall(rf"column of `{table}`.*?(?=\n\n)", PAGE, re.DOTALL)
    rows = [line.split(" | ")[1] for line in section.splitlines()[2:]]
    return {column for row in rows for column in re.findall(r"`(\w+)`", row)}


@pytest.mark.parametrize("table", FILLED)
def test_each_column_with_a_field_of_reddit_is_on_the_page(table: str) -> None:
    assert columns_of(table) == FILLED[table]
    assert FILLED[table] <= set(tables.metadata.tables[table].columns.keys())


def test_the_page_lists_the_fields_of_the_column_extra() -> None:
    for table, fields in (
        ("posts", extra_parsing.POST_FIELDS),
        ("comments", extra_parsing.COMMENT_FIELDS),
    ):
        (row,) = re.findall(rf"^\| `{table}` \| (.*) \|$", PAGE, re.MULTILINE)
        assert tuple(re.findall(r"`(\w+)`", row)) == fields
