"""The text form of an array has the same items for Postgres."""

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.job import ErrorKind
from crawljobs.repository import array_text

READ = text("SELECT CAST(:items AS text[])")
QUOTES = ['"', "\\", '\\"', "'", '""']
HOSTILE = [*QUOTES, "", " ", "NULL", "null", "{}", "{a,b}", "a,b", "ä\u2028\n\t", "%s"]


@pytest.mark.parametrize(
    "items", [[], [None], HOSTILE, [*HOSTILE, None, *HOSTILE], [ErrorKind.PERMANENT, "crawled"]]
)
def test_any_texts_are_read_as_they_are(conn: Connection, items: list[str | None]) -> None:
    assert conn.execute(READ, {"items": array_text.of_texts(items)}).scalar_one() == items


def test_ids_need_no_quotes(conn: Connection) -> None:
    ids = [1, -2, 2**63 - 1]
    items = array_text.of_words([str(each) for each in ids])
    assert conn.execute(text("SELECT CAST(:items AS bigint[])"), {"items": items}).scalar() == ids
