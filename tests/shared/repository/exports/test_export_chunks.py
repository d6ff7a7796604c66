"""The chunks of an export have each line once, whatever their size."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import TIMESTAMP, literal, select, text

from crawljobs.db.administration import grants
from crawljobs.db.database import Connection, Database
from crawljobs.repository.exports import export_chunks
from crawljobs.repository.exports.export_plan import ExportKind, ExportOrder, ExportPlan
from support import content_rows, roles
from support.databases import Databases
from support.roles import Roles

T0 = datetime(2031, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
SPAN = {"since": T0 + 100 * SECOND, "until": T0 + 180 * SECOND}


def lines(conn: Connection, plan: ExportPlan, **options: Any) -> tuple[list[str], int]:
    """Return the lines of all chunks, and the number of chunks."""
    found: list[str] = []
    chunks, after = 0, plan.first
    while True:
        chunk = export_chunks.read_chunk(
            conn, plan, after=after, write=lambda _, line: f"{line}\n".encode(), **options
        )
        found += chunk.content.decode().splitlines()
        assert chunk.lines == chunk.content.count(b"\n")
        chunks += 1
        if chunk.last is None:
            return found, chunks
        after = chunk.last


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (ExportPlan(ExportKind.POSTS), 400),
        (ExportPlan(ExportKind.COMMENTS, **SPAN), 80),
        (ExportPlan(ExportKind.POSTS, until=T0 + 41 * SECOND), 40),
        (ExportPlan(ExportKind.POSTS, subreddit_id=7), 10),
        (ExportPlan(ExportKind.POSTS, subreddit_id=7, **SPAN), 2),
        (ExportPlan(ExportKind.POSTS, updated_since=T0 + 300 * SECOND), 101),
        (ExportPlan(ExportKind.COMMENTS, updated_since=T0, updated_until=T0 + 9 * SECOND), 8),
        (ExportPlan(ExportKind.COMMENTS, updated_since=T0, subreddit_id=7, **SPAN), 2),
        (ExportPlan(ExportKind.AUTHORS), 40),
        (ExportPlan(ExportKind.SUBREDDITS), 40),
        (ExportPlan(ExportKind.EDGES), 1_600),
        (ExportPlan(ExportKind.EDGES, subreddit_id=7), 40),
    ],
    ids=lambda value: f"{value.kind} {value.order}" if isinstance(value, ExportPlan) else "",
)
def test_chunks_of_any_size_have_each_line_once(
    conn: Connection, monkeypatch: pytest.MonkeyPatch, plan: ExportPlan, expected: int
) -> None:
    content_rows.fill(conn, statistics="present", rows=400)
    whole, chunks = lines(conn, plan)
    assert (len(whole), len(set(whole)), chunks) == (expected, expected, 1)
    few = 1 if plan.order is ExportOrder.SUBREDDIT else 7
    for rows in (few, max(few, expected)):
        found, chunks = lines(conn, plan, rows=rows)
        assert found == whole
        assert chunks > 1
    monkeypatch.setattr(export_chunks, "CHUNK_BYTES", 5_000)
    found, chunks = lines(conn, plan)
    assert found == whole
    assert (chunks > 1) == (len("".join(whole)) > 5_000)


def test_a_span_of_time_is_read_in_limited_parts_of_the_subreddits(conn: Connection) -> None:
    content_rows.fill(conn, statistics="present", rows=400)
    last = 40 + export_chunks.SUBREDDITS_MAX
    conn.execute(
        text("INSERT INTO subreddits (id, name) OVERRIDING SYSTEM VALUE "
             "SELECT n, 'more' || n FROM generate_series(41, :last) AS n"),
        {"last": last},
    )  # fmt: skip
    conn.execute(text("UPDATE posts SET subreddit_id = :last WHERE id = 'p150'"), {"last": last})
    found, chunks = lines(conn, ExportPlan(ExportKind.POSTS, **SPAN))
    assert (len(found), chunks) == (80, 2)
    assert '"id":"p150"' in found[-1]


@pytest.mark.parametrize(
    ("is_replica", "replayed", "oldest", "expected"),
    [
        (False, None, None, T0 - 60 * SECOND),
        (False, None, T0 - 9 * SECOND, T0 - 69 * SECOND),
        (False, None, T0 + 9 * SECOND, T0 - 60 * SECOND),
        (True, T0 - 5 * SECOND, None, T0 - 65 * SECOND),
        (True, T0 - 5 * SECOND, T0 - 9 * SECOND, T0 - 69 * SECOND),
        (True, T0 - 9 * SECOND, T0 - 5 * SECOND, T0 - 69 * SECOND),
        (True, T0 + 5 * SECOND, None, T0 - 60 * SECOND),
        (True, None, None, datetime(1970, 1, 1, 23, 59, tzinfo=UTC)),
    ],
)
def test_the_next_export_of_changes_begins_before_all_that_this_one_may_miss(
    conn: Connection,
    monkeypatch: pytest.MonkeyPatch,
    is_replica: bool,
    replayed: datetime | None,
    oldest: datetime | None,
    expected: datetime,
) -> None:
    clock = select(
        literal(T0).label("now"),
        literal(replayed, TIMESTAMP(timezone=True)).label("replayed"),
        literal(is_replica).label("is_replica"),
    )
    monkeypatch.setattr(export_chunks, "_CLOCK", clock)
    start = export_chunks.read_start(conn, oldest_change=oldest)
    assert (start.at, start.changes_until) == (T0, expected)


def test_the_api_sees_the_start_of_each_transaction_that_has_written(
    databases: Databases,
) -> None:
    with roles.made(databases) as own:
        check_oldest_change(own)


def check_oldest_change(own: Roles) -> None:
    api = Database(own.url_as(grants.ADMIN_API), pool_size=1)

    def oldest() -> datetime | None:
        with api.read() as conn:
            return export_chunks.read_oldest_change(conn)

    try:
        with psycopg.connect(own.url_as(grants.CRAWLER_WORKER)) as worker:
            (began,) = worker.execute("SELECT now()").fetchone() or (None,)
            assert oldest() is None
            worker.execute("INSERT INTO authors (name) VALUES ('ada')")
            assert oldest() == began
            worker.rollback()
            assert oldest() is None
    finally:
        api.close()
