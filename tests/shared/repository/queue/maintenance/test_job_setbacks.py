"""After the clock was set back, a repair changes the times that exceed their exact limits."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection, Database
from crawljobs.domain.retry import RetryPolicy
from crawljobs.repository.content import stored_subreddits
from crawljobs.repository.queue.maintenance import clock_setbacks
from support import jobs
from support.jobs import T0

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
NEVER = datetime(9999, 12, 31, tzinfo=UTC)


def mend(conn: Connection, what: str, **options: Any) -> int:
    retry = RetryPolicy(base_seconds=60, max_hours=24, jitter=0.5)
    return clock_setbacks.mend(conn, what=what, retry=retry, now=T0, **options)


def change(conn: Connection, job_id: int, **values: Any) -> None:
    changes = ", ".join(f"{name} = :{name}" for name in values)
    conn.execute(text(f"UPDATE crawl_jobs SET {changes} WHERE id = :id"), {"id": job_id, **values})


def waits_for_never(conn: Connection, name: str, finished: timedelta = timedelta()) -> int:
    """Make a job that waits for the year 9999. An older job of its subreddit has finished."""
    before = jobs.enqueue(conn, name)
    change(conn, before, status="succeeded", finished_at=T0 + finished)
    return jobs.enqueue(conn, name, visible_at=NEVER)


def visible_at(conn: Connection, job_id: int) -> datetime:
    return jobs.job(conn, job_id).visible_at


@pytest.mark.parametrize(
    ("finished", "freed"),
    [
        (-1.001, False),
        (-1.0, True),
        (0.0, True),
        (1.0, True),
        (1.001, False),
    ],
)
def test_a_follow_up_for_never_is_freed_if_it_was_made_within_a_second_of_the_end(
    conn: Connection, finished: float, freed: bool
) -> None:
    job_id = waits_for_never(conn, "python", timedelta(seconds=finished))
    assert mend(conn, "follow_ups") == freed
    assert visible_at(conn, job_id) == (T0 if freed else NEVER)


def test_several_ends_within_the_second_free_a_follow_up_too(conn: Connection) -> None:
    for _ in range(2):
        before = jobs.enqueue(conn)
        change(conn, before, status="failed", finished_at=T0)
    job_id = jobs.enqueue(conn, visible_at=NEVER)
    assert mend(conn, "follow_ups") == 1
    assert visible_at(conn, job_id) == T0


@pytest.mark.parametrize(
    "values",
    [
        {"visible_at": NEVER - SECOND},
        {"wait_reason": "retry"},
        {"wait_reason": "paused"},
        {"created_at": T0 + HOUR},
    ],
)
def test_a_job_that_differs_from_such_a_follow_up_is_left(
    conn: Connection, values: dict[str, Any]
) -> None:
    job_id = waits_for_never(conn, "python")
    change(conn, job_id, **values)
    before = jobs.job(conn, job_id)
    assert mend(conn, "follow_ups") == 0
    assert jobs.job(conn, job_id) == before


def test_an_end_of_another_subreddit_or_of_a_later_job_frees_no_job(conn: Connection) -> None:
    other = jobs.enqueue(conn, "rust")
    change(conn, other, status="succeeded", finished_at=T0)
    job_id = jobs.enqueue(conn, visible_at=NEVER)
    later = jobs.enqueue(conn, "golang")
    change(conn, later, status="succeeded", finished_at=T0)
    conn.execute(
        text("UPDATE crawl_jobs SET subreddit_id = :of WHERE id = :id"),
        {"of": jobs.job(conn, job_id).subreddit_id, "id": later},
    )
    assert mend(conn, "follow_ups") == 0
    assert visible_at(conn, job_id) == NEVER


def test_a_follow_up_that_another_transaction_holds_is_passed(database: Database) -> None:
    with database.begin() as conn:
        held, free = (waits_for_never(conn, name) for name in ("python", "rust"))
    with database.begin() as holder:
        holder.execute(text("SELECT FROM crawl_jobs WHERE id = :id FOR UPDATE"), {"id": held})
        with database.begin() as conn:
            conn.execute(text("SET LOCAL lock_timeout = '2s'"))
            assert mend(conn, "follow_ups") == 1
            assert (visible_at(conn, held), visible_at(conn, free)) == (NEVER, T0)


@pytest.mark.parametrize(
    ("retry_count", "longest"),
    [(0, 90 * SECOND), (1, 90 * SECOND), (2, 180 * SECOND), (5, 24 * MINUTE), (70, 24 * HOUR)],
)
def test_a_wait_for_a_retry_may_last_as_long_as_the_largest_jitter_allows(
    conn: Connection, retry_count: int, longest: timedelta
) -> None:
    claim = jobs.crawling(conn, max_retries=99)
    jobs.ENDS["schedule_retry"](conn, claim)
    limit = T0 + longest + MINUTE
    change(conn, claim.job_id, retry_count=retry_count, visible_at=limit)
    assert mend(conn, "backoffs") == 0
    change(conn, claim.job_id, visible_at=limit + SECOND)
    assert mend(conn, "backoffs") == 1
    assert visible_at(conn, claim.job_id) == T0 + longest


@pytest.mark.parametrize("skip", [0, 1, 2])
def test_queued_jobs_beyond_the_skipped_ones_are_mended_in_order(
    conn: Connection, skip: int
) -> None:
    made = [jobs.enqueue(conn, f"sub{number}") for number in range(4)]
    for number, job_id in enumerate(made):
        change(conn, job_id, queued_at=T0 + (number + 2) * HOUR)
    assert mend(conn, "queued", at_most=2, skip=skip) == 2
    changed = [job_id for job_id in made if jobs.job(conn, job_id).queued_at == T0]
    assert changed == made[skip : skip + 2]


def test_the_next_looks_are_spread_over_a_day(conn: Connection) -> None:
    names = [f"sub{number}" for number in range(80)]
    stored_subreddits.ensure(conn, names=names, discovered_from=None, depth=0)
    conn.execute(text("UPDATE subreddits SET next_crawl_at = :at"), {"at": T0 + 9999 * HOUR})
    assert mend(conn, "next_crawl_at") == 80
    looks = conn.execute(text("SELECT next_crawl_at FROM subreddits")).scalars().all()
    assert T0 <= min(looks) < T0 + 4 * HOUR
    assert T0 + 20 * HOUR < max(looks) <= T0 + 24 * HOUR


def test_what_may_be_many_rows_is_mended_in_pieces(conn: Connection) -> None:
    whole = {"reddit_budgets", "reddit_tokens"}
    assert set(clock_setbacks.IN_PIECES) == clock_setbacks.MENDS.keys() - whole
    for number in range(3):
        change(conn, jobs.enqueue(conn, f"sub{number}"), queued_at=T0 + 9 * HOUR)
    assert [mend(conn, "queued", at_most=2) for _ in range(3)] == [2, 1, 0]


_AHEAD = {
    "next_slot_at": T0 + 400 * HOUR,
    "window_started_at": T0 + 400 * HOUR,
    "reserved": 9,
    "others": 7,
    "paused_until": T0 + 9000 * HOUR,
    "outage_until": T0 + 400 * HOUR,
    "last_throttled_at": T0 + 400 * HOUR,
}
_IN_TIME = {
    "next_slot_at": T0,
    "window_started_at": T0 - MINUTE,
    "reserved": 9,
    "others": 7,
    "paused_until": None,
    "outage_until": None,
    "last_throttled_at": T0 - MINUTE,
}


@pytest.mark.parametrize(
    ("ahead", "becomes"),
    [
        (["next_slot_at"], {"next_slot_at": T0}),
        (
            ["window_started_at"],
            {"window_started_at": None, "reserved": 0, "others": 0, "next_slot_at": T0},
        ),
        (["paused_until"], {"paused_until": None}),
        (["outage_until"], {"outage_until": T0}),
        (["last_throttled_at"], {"last_throttled_at": T0}),
        (
            list(_AHEAD),
            {
                "next_slot_at": T0,
                "window_started_at": None,
                "reserved": 0,
                "others": 0,
                "paused_until": None,
                "outage_until": T0,
                "last_throttled_at": T0,
            },
        ),
        ([], None),
    ],
)
def test_each_time_of_a_budget_that_is_ahead_is_mended_alone(
    conn: Connection, ahead: list[str], becomes: dict[str, Any] | None
) -> None:
    values = {**_IN_TIME, **{name: _AHEAD[name] for name in ahead}}
    columns = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    conn.execute(
        text(f"INSERT INTO reddit_budgets (client_id, {columns}) VALUES ('c', {marks})"), values
    )
    assert mend(conn, "reddit_budgets") == (0 if becomes is None else 1)
    found = conn.execute(text(f"SELECT {columns} FROM reddit_budgets")).one()
    assert dict(found._mapping) == {**values, **(becomes or {})}


@pytest.mark.parametrize(
    ("ahead", "becomes"),
    [
        (["ask_again_at"], {"ask_again_at": None}),
        (["refreshing_until"], {"refreshing_until": None}),
        (["ask_again_at", "refreshing_until"], {"ask_again_at": None, "refreshing_until": None}),
        ([], None),
    ],
)
def test_each_time_of_a_token_that_is_ahead_is_mended_alone(
    conn: Connection, ahead: list[str], becomes: dict[str, Any] | None
) -> None:
    in_time = {"ask_again_at": T0 + SECOND, "refreshing_until": T0 + SECOND}
    values = {**in_time, **dict.fromkeys(ahead, T0 + 400 * HOUR)}
    conn.execute(
        text("INSERT INTO reddit_tokens (client_id, ask_again_at, refreshing_until) "
             "VALUES ('c', :ask_again_at, :refreshing_until)"), values)  # fmt: skip
    assert mend(conn, "reddit_tokens") == (0 if becomes is None else 1)
    found = conn.execute(text("SELECT ask_again_at, refreshing_until FROM reddit_tokens")).one()
    assert dict(found._mapping) == {**values, **(becomes or {})}
