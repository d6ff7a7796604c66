"""A deleted or erased item keeps no author and no text, in whatever column it is stored."""

from typing import Any

import pytest
from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    MetaData,
    Table,
    Text,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.sql.type_api import TypeEngine

from crawljobs.db.database import Connection
from crawljobs.db.tables import authors, comments, posts
from crawljobs.db.tables.columns import Timestamp
from crawljobs.repository.content import tombstones
from crawljobs.repository.content.page_storage import crawled_comments, crawled_posts
from support import crawled

# Texts that are no content of the author: keys, and the category of a removal.
NO_CONTENT = {"id", "post_id", "parent_id", "removed_by_category"}
ITEMS = (posts, comments)


def sample(column: Column[Any]) -> Any:
    """Return a value for this column of a test row."""
    kind = column.type
    if isinstance(kind, Text):
        return "abc"
    if isinstance(kind, JSONB):
        return {"a": "secret"}
    if isinstance(kind, type(Timestamp)):
        return crawled.CREATED
    return True if kind.python_type is bool else 1


def content_of(row: Any) -> dict[str, Any]:
    """Return the columns of a row in which an author or a text may be."""
    kept = {"subreddit_id", *NO_CONTENT}
    return {
        name: value
        for name, value in row._mapping.items()
        if value is not None
        and name not in kept
        and (isinstance(value, str | dict | list | bytes) or name.endswith("author_id"))
    }


@pytest.mark.parametrize("table", ITEMS, ids=lambda table: table.name)
def test_an_erased_row_has_no_content_in_any_column(conn: Connection, table: Table) -> None:
    conn.execute(insert(authors).values(name="ada"))
    conn.execute(text("INSERT INTO subreddits (name) VALUES ('python')"))
    values = {column.name: sample(column) for column in table.columns}
    values |= {"subreddit_id": conn.execute(text("SELECT id FROM subreddits")).scalar_one()}
    author_id = conn.execute(select(authors.c.id)).scalar_one()
    values |= {name: author_id for name in values if name.endswith("author_id")}
    conn.execute(insert(table).values({**values, "deleted_at": None}))
    full = conn.execute(select(table)).one()
    assert set(content_of(full)) == set(tombstones.erased_columns(table))

    conn.execute(update(table).values(tombstones.values_of(table)), {"now": None})
    erased = conn.execute(select(table)).one()
    assert content_of(erased) == {}
    assert (erased.id, erased.created_at, erased.score) == (full.id, full.created_at, full.score)
    assert erased.deleted_at is not None
    assert erased.updated_at > full.updated_at
    assert erased.refresh_due_at is None


@pytest.mark.parametrize("table", ITEMS, ids=lambda table: table.name)
def test_an_item_that_was_deleted_at_reddit_is_stored_as_the_same_tombstone(
    conn: Connection, table: Table
) -> None:
    """Also if the reply still has content: the parser is not the only guard."""
    stored = crawled_posts._COLUMNS if table is posts else crawled_comments._COLUMNS
    make = crawled.post if table is posts else crawled.comment
    texts = {
        name: {"a": "secret"} if name == "extra" else "secret"
        for name in (*stored.content, *stored.kept)
        if name in tombstones.erased_columns(table) and not name.endswith("author_id")
    }
    crawled.store(conn, make("x1", **texts))
    assert {"author_id", *texts} <= set(content_of(conn.execute(select(table)).one()))
    crawled.store(conn, make("x1", **texts, deleted=True))
    crawled.store(conn, make("x2", **texts, deleted=True))
    assert [content_of(row) for row in conn.execute(select(table))] == [{}, {}]


@pytest.mark.parametrize("kind", [ARRAY(Text), JSONB(), Text()])
def test_a_new_column_is_erased_unless_its_type_cannot_hold_content(kind: TypeEngine[Any]) -> None:
    table = Table(
        "t", MetaData(), Column("new", kind), Column("count", BigInteger), Column("n", Integer)
    )
    assert tombstones.erased_columns(table) == {"new"}
