"""Which posts and comments are due for a refresh, and when each is due again."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.repository.content import refreshes
from crawljobs.repository.queue import queue_pauses
from support.crawled import comment, deleted_post, post, store
from support.jobs import T0

SECOND = timedelta(seconds=1)
WEEK = timedelta(days=7)


def make_due(conn: Connection, **times: datetime) -> None:
    """Store an item for each name, a post or a comment, with the time of its next refresh."""
    for name, at in times.items():
        kind, item_id = name.split("_")
        store(conn, post(item_id) if kind == "t3" else comment(item_id))
        table = "posts" if kind == "t3" else "comments"
        conn.execute(
            text(f"UPDATE {table} SET refresh_due_at = :at WHERE id = :id"),
            {"at": at, "id": item_id},
        )


def due(conn: Connection, at_most: int = 9) -> list[str]:
    return refreshes.due(conn, at_most=at_most, now=T0)


def test_what_is_due_longest_comes_first_of_posts_and_comments_together(conn: Connection) -> None:
    make_due(
        conn,
        t3_a=T0 - 2 * SECOND,
        t1_b=T0 - 3 * SECOND,
        t3_c=T0 - 4 * SECOND,
        t1_d=T0,
        t3_e=T0 + SECOND,
    )
    assert due(conn) == ["t3_c", "t1_b", "t3_a", "t1_d"]
    assert due(conn, at_most=2) == ["t3_c", "t1_b"]


@pytest.mark.parametrize(("until", "paused"), [(None, True), (0.001, True), (0, False)])
def test_nothing_is_due_while_the_whole_queue_is_paused(
    conn: Connection, until: float | None, paused: bool
) -> None:
    make_due(conn, t3_a=T0)
    scope = conn.execute(text("SELECT id FROM subreddits")).scalar_one()
    pause = {"reason": "why not", "paused_by": "ops", "now": T0 - SECOND}
    queue_pauses.pause(conn, scope=scope, until=None, **pause)
    assert due(conn) == ["t3_a"]  # the pause of one subreddit does not matter
    end = None if until is None else T0 + until * SECOND
    queue_pauses.pause(conn, scope=0, until=end, **pause)
    assert due(conn) == ([] if paused else ["t3_a"])


@pytest.mark.parametrize(("age", "again"), [(WEEK - SECOND, True), (WEEK, False)])
def test_a_refreshed_item_is_due_again_when_it_is_a_week_old(
    conn: Connection, age: timedelta, again: bool
) -> None:
    created_at = T0 - age
    store(conn, post("a", created_at=created_at), comment("b", created_at=created_at))
    store(conn, post("other", created_at=created_at), deleted_post("c", created_at=created_at))
    conn.execute(text("UPDATE posts SET refresh_due_at = :t"), {"t": T0})
    conn.execute(text("UPDATE comments SET refresh_due_at = :t"), {"t": T0})
    refreshes.settle(conn, names=["t3_a", "t1_b", "t3_c", "t3_b", "t1_a"], now=T0)
    found = conn.execute(
        text("SELECT id, refresh_due_at FROM posts UNION ALL "
             "SELECT id, refresh_due_at FROM comments")
    )  # fmt: skip
    then = created_at + WEEK if again else None
    assert {row.id: row.refresh_due_at for row in found} == {
        "a": then, "b": then, "c": None, "other": T0,
    }  # fmt: skip


@pytest.mark.parametrize(("lock", "settled"), [("UPDATE", False), ("KEY SHARE", True)])
def test_an_item_that_another_transaction_writes_stays_due(
    database: Database, lock: str, settled: bool
) -> None:
    with database.begin() as conn:
        make_due(conn, t3_a=T0, t1_b=T0)
    with database.begin() as holder:
        holder.execute(text(f"SELECT FROM posts FOR {lock}"))
        holder.execute(text(f"SELECT FROM comments FOR {lock}"))
        with database.begin() as conn:
            conn.execute(text("SET LOCAL lock_timeout = '2s'"))
            refreshes.settle(conn, names=["t3_a", "t1_b"], now=T0)
            assert due(conn) == ([] if settled else ["t3_a", "t1_b"])
