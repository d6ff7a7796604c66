"""When a denied access is confirmed, and when the subreddit is crawled again."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.subreddit import AccessState
from crawljobs.repository.content import subreddit_access
from support.jobs import T0

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
PRIVATE, BANNED = AccessState.PRIVATE, AccessState.BANNED


def subreddit(conn: Connection, **values: Any) -> int:
    given = {"name": "python", "access": "public", "last_crawled_at": T0 - DAY, **values}
    made = conn.execute(
        text(f"INSERT INTO subreddits ({', '.join(given)}) "
             f"VALUES ({', '.join(f':{name}' for name in given)}) RETURNING id"),
        given,
    )  # fmt: skip
    return int(made.scalar_one())


def look(
    conn: Connection, subreddit_id: int, hours: float, access: AccessState = PRIVATE
) -> tuple[bool, str, int, Any]:
    """Return whether access is confirmed, the stored access, the outcomes and the next crawl."""
    confirmed = subreddit_access.record_access(
        conn, subreddit_id=subreddit_id, access=access, now=T0 + hours * HOUR
    )
    row = conn.execute(
        text("SELECT access, access_unconfirmed_looks, next_crawl_at, access_checked_at "
             "FROM subreddits WHERE id = :id"),
        {"id": subreddit_id},
    ).one()  # fmt: skip
    assert row.access_checked_at == T0 + hours * HOUR
    after = None if row.next_crawl_at is None else (row.next_crawl_at - T0) / HOUR
    return confirmed, row.access, row.access_unconfirmed_looks, after


def test_a_crawled_subreddit_is_inaccessible_after_three_outcomes_in_sixteen_hours(
    conn: Connection,
) -> None:
    ours, theirs = subreddit(conn), subreddit(conn, name="rust")
    assert look(conn, ours, 0) == (False, "public", 1, 8)
    assert look(conn, ours, 7.9) == (False, "public", 1, 8)  # too soon to count
    assert [look(conn, ours, 8) for _ in range(2)] == [(False, "public", 2, 16)] * 2
    assert look(conn, ours, 15.9) == (False, "public", 2, 16)
    assert look(conn, ours, 16) == (True, "private", 0, 16 + 7 * 24)
    assert look(conn, ours, 17) == (True, "private", 0, 17 + 14 * 24)
    untouched = text("SELECT access, access_checked_at FROM subreddits WHERE id = :id")
    assert tuple(conn.execute(untouched, {"id": theirs}).one()) == ("public", None)


def test_another_outcome_and_an_open_subreddit_start_the_count_again(conn: Connection) -> None:
    ours = subreddit(conn)
    assert look(conn, ours, 0) == (False, "public", 1, 8)
    assert look(conn, ours, 8) == (False, "public", 2, 16)
    assert look(conn, ours, 16, BANNED) == (False, "public", 1, 24)
    assert look(conn, ours, 24) == (False, "public", 1, 32)
    assert look(conn, ours, 32) == (False, "public", 2, 40)
    subreddit_access.record_open(
        conn, subreddit_id=ours, access=AccessState.RESTRICTED, now=T0 + 33 * HOUR
    )
    row = conn.execute(
        text("SELECT access, access_checked_at, access_unconfirmed, access_unconfirmed_looks, "
             "access_unconfirmed_at FROM subreddits")
    ).one()  # fmt: skip
    assert tuple(row) == ("restricted", T0 + 33 * HOUR, None, 0, None)
    assert look(conn, ours, 40) == (False, "restricted", 1, 48)


def test_an_outcome_from_before_the_clock_was_set_back_does_not_count(conn: Connection) -> None:
    ours = subreddit(conn)
    assert look(conn, ours, 0) == (False, "public", 1, 8)
    assert look(conn, ours, -0.1) == (False, "public", 1, 7.9)
    assert look(conn, ours, -0.1) == (False, "public", 1, 7.9)
    assert look(conn, ours, 7.9) == (False, "public", 2, 15.9)


@pytest.mark.parametrize(
    ("access", "days"),
    [
        (AccessState.PRIVATE, 7),
        (AccessState.QUARANTINED, 7),
        (AccessState.GATED, 7),
        (AccessState.BANNED, None),
        (AccessState.NOT_FOUND, None),
    ],
)
def test_a_subreddit_that_was_never_crawled_is_inaccessible_at_once(
    conn: Connection, access: AccessState, days: int | None
) -> None:
    ours = subreddit(conn, access="unknown", last_crawled_at=None)
    after = None if days is None else days * 24
    assert look(conn, ours, 0, access) == (True, access.value, 0, after)


def test_crawls_of_a_subreddit_that_stays_inaccessible_become_ever_rarer(conn: Connection) -> None:
    """The wait is doubled each time, and it is at most 90 days."""
    ours = subreddit(conn, access="banned")
    waits = [look(conn, ours, 0, BANNED)[3] / 24 for _ in range(40)]
    assert waits == [7, 14, 28, 56, *[90] * 36]
    assert [look(conn, ours, hours)[0] for hours in (0, 8, 16)] == [False, False, True]
    assert look(conn, ours, 16) == (True, "private", 0, 16 + 14 * 24)
