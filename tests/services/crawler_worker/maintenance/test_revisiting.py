"""Subreddits without requests are crawled again when their next crawl is due or they are stale."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from crawler_worker.maintenance.revisiting import Revisiting
from crawljobs import settings
from crawljobs.db.database import Database
from crawljobs.domain.subreddit import AccessState
from crawljobs.repository.content import revisits
from support import jobs

DAY = timedelta(days=1)
SETTINGS = settings.read_revisit_settings({"STALE_DAYS": "30", "STALE_CHECK_HOURS": "6"})


@pytest.fixture
def again(database: Database) -> Revisiting:
    return Revisiting(database, SETTINGS, max_retries=2)


def make(database: Database, name: str, **columns: object) -> None:
    """Insert a subreddit. The values of `columns` are SQL."""
    names, values = ", ".join(columns), ", ".join(str(value) for value in columns.values())
    with database.begin() as conn:
        conn.execute(
            text(f"INSERT INTO subreddits (name, {names}) VALUES (:n, {values})"), {"n": name}
        )


def enqueued(database: Database) -> list[str]:
    with database.begin() as conn:
        return sorted(job.subreddit for job in all_jobs(conn))


def all_jobs(conn: jobs.Connection) -> list[jobs.Job]:
    ids = conn.execute(text("SELECT id FROM crawl_jobs ORDER BY id")).scalars().all()
    return [jobs.job(conn, job_id) for job_id in ids]


def rewind(database: Database, interval: str) -> None:
    """Change the database as if the tasks had last run this much earlier."""
    with database.begin() as conn:
        conn.execute(
            text(f"UPDATE maintenance_runs SET last_run_at = last_run_at - interval '{interval}'")
        )


def test_an_empty_database_has_nothing_to_look_at_again(again: Revisiting) -> None:
    assert (again.check_due(), again.check_stale()) == (0, 0)


def test_what_was_not_crawled_for_long_is_enqueued_behind_everything_asked_for(
    database: Database, again: Revisiting
) -> None:
    make(database, "stale_one", last_crawled_at="now() - interval '31 days'", access="'public'")
    make(database, "fresh", last_crawled_at="now() - interval '29 days'", access="'public'")
    make(database, "never", access="'public'")
    assert again.check_stale() == 1
    with database.begin() as conn:
        (job,) = all_jobs(conn)
    assert (job.subreddit, job.source, job.priority) == ("stale_one", "stale", 5)
    assert (job.priority_ceiling, job.max_retries) == (40, 2)


def test_what_was_found_by_discovery_stays_as_far_away_as_it_was(
    database: Database, again: Revisiting
) -> None:
    """Otherwise each repeated crawl would begin a new discovery, and discovery would never end."""
    make(database, "found", last_crawled_at="now() - interval '31 days'", depth="2")
    make(database, "private_one", next_crawl_at="now() - interval '1 minute'", depth="1")
    assert (again.check_stale(), again.check_due()) == (1, 1)
    with database.begin() as conn:
        assert {job.subreddit: job.depth for job in all_jobs(conn)} == {
            "found": 2,
            "private_one": 1,
        }


@pytest.mark.parametrize("access", sorted(AccessState))
def test_only_what_can_be_seen_grows_stale(
    database: Database, again: Revisiting, access: AccessState
) -> None:
    make(database, "club", last_crawled_at="now() - interval '99 days'", access=f"'{access}'")
    assert again.check_stale() == (access in ("public", "restricted", "unknown"))


def test_the_stale_check_runs_once_an_interval_whoever_comes_first(
    database: Database, again: Revisiting
) -> None:
    other = Revisiting(database, SETTINGS, max_retries=2)
    make(database, "stale_one", last_crawled_at="now() - interval '31 days'")
    assert (again.check_stale(), other.check_stale()) == (1, 0)
    make(database, "stale_two", last_crawled_at="now() - interval '31 days'")
    rewind(database, "5 hours 59 minutes")
    assert other.check_stale() == 0
    rewind(database, "1 minute")
    assert other.check_stale() == 1
    assert enqueued(database) == ["stale_one", "stale_two"]


def test_more_than_a_chunk_of_stale_ones_is_enqueued_whole(
    database: Database, again: Revisiting
) -> None:
    count = revisits.CHUNK + 7
    with database.begin() as conn:
        conn.execute(
            text(
                "INSERT INTO subreddits (name, last_crawled_at) "
                "SELECT 'sub' || n, now() - interval '40 days' FROM generate_series(1, :n) n"
            ),
            {"n": count},
        )
    assert again.check_stale() == count
    assert len(enqueued(database)) == count


def test_a_live_job_is_not_touched_by_the_stale_check(
    database: Database, again: Revisiting
) -> None:
    with database.begin() as conn:
        job_id = jobs.enqueue(conn, "python", priority=60)
        conn.execute(text("UPDATE subreddits SET last_crawled_at = now() - interval '40 days'"))
    assert again.check_stale() == 0
    with database.begin() as conn:
        assert jobs.job(conn, job_id).source == "user"


def test_a_subreddit_whose_next_look_has_come_is_enqueued_once(
    database: Database, again: Revisiting
) -> None:
    make(database, "club", access="'private'", next_crawl_at="now() - interval '1 minute'")
    make(database, "later", access="'private'", next_crawl_at="now() + interval '1 hour'")
    assert again.check_due() == 1
    rewind(database, "2 minutes")
    assert again.check_due() == 0
    assert enqueued(database) == ["club"]


def test_a_look_that_came_to_nothing_is_repeated_after_a_day(database: Database) -> None:
    make(database, "club", next_crawl_at="now() - interval '1 minute'")
    with database.begin() as conn:
        now = conn.execute(text("SELECT now()")).scalar_one()
        assert revisits.take_due(conn, now=now) == ["club"]
        assert revisits.take_due(conn, now=now + DAY - timedelta(seconds=1)) == []
        assert revisits.take_due(conn, now=now + DAY) == ["club"]


@pytest.mark.parametrize("name", ["all", "popular", "t:1337"])
def test_a_stored_name_that_cannot_be_crawled_does_not_stop_the_others(
    database: Database, again: Revisiting, name: str
) -> None:
    """An older release accepted the names of Reddit's own listings."""
    long_ago, due = "now() - interval '40 days'", "now() - interval '1 minute'"
    make(database, name, last_crawled_at=long_ago, access="'public'", next_crawl_at=due)
    make(database, "stale_one", last_crawled_at="now() - interval '31 days'", access="'public'")
    make(database, "due_one", next_crawl_at=due)
    assert (again.check_due(), again.check_stale()) == (1, 1)
    assert enqueued(database) == ["due_one", "stale_one"]
