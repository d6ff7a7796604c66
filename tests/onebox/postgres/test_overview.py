"""The totals, the next due time and the events that the demo reads from its database."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from crawljobs.db.database import Database
from crawljobs.domain.job import LIVE
from onebox.postgres import overview
from onebox.postgres.overview import Overview, OverviewReader


@pytest.fixture
def reader() -> Iterator[OverviewReader]:
    opened = OverviewReader()
    yield opened
    opened.close()


def execute(database: Database, *statements: str) -> None:
    with database.begin() as conn:
        for statement in statements:
            conn.execute(text(statement))


def read(reader: OverviewReader, url: str) -> Overview:
    found = reader.read(url, at_once=True)
    assert found is not None
    return found


SUBREDDITS = """
    INSERT INTO subreddits (id, name) OVERRIDING SYSTEM VALUE
    VALUES (1, 'Pottery'), (2, 'Birding'), (3, 'Locked')
"""
FINISHED = """
    INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source, finished_at,
        outcome, error_message, checkpoint)
    VALUES
    (1, 'succeeded', 60, 60, 'schedule', now(), 'crawled', NULL,
        '{"posts": 2, "comments": 5, "requests": 4}'),
    (2, 'failed', 60, 60, 'user', now() + interval '1 s', NULL, E'no \\x1b[31m luck', NULL),
    (3, 'succeeded', 60, 60, 'stale', now() + interval '2 s', 'private', NULL, NULL)
"""
SCHEDULE = """
    INSERT INTO scheduled_jobs (id, name, subreddit_id, cron_expression, next_run_at, enabled)
    OVERRIDING SYSTEM VALUE VALUES (1, 'daily', 1, '0 6 * * *', '2031-05-17 06:00Z', true),
        (2, 'off', 1, '0 6 * * *', '2030-05-17 06:00Z', false)
"""
WITH_STEPS = """
    INSERT INTO scheduled_jobs (id, name, steps, cron_expression, next_run_at, steps_next_run_at)
    OVERRIDING SYSTEM VALUE VALUES (3, 'map', '[]', '@daily', 'infinity', '2029-05-17 06:00Z')
"""
RUN = """
    INSERT INTO scheduled_job_runs (scheduled_job_id, due_at, outcome, fired_at)
    VALUES (1, now(), 'enqueued', now() + interval '3 s')
"""


def test_an_empty_database_has_no_totals(reader: OverviewReader, database_url: str) -> None:
    found = read(reader, database_url)
    assert found.stored == (0, 0, 0)
    assert not found.live
    assert not any(found.finished.values())
    assert found.next_run is None
    assert found.events == ()


def test_jobs_schedules_and_events_are_read(
    reader: OverviewReader, database: Database, database_url: str
) -> None:
    read(reader, database_url)
    queued = "INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source) "
    execute(database, SUBREDDITS, SCHEDULE, FINISHED, RUN)
    execute(database, "INSERT INTO crawl_job_count_changes (status, change) VALUES ('failed', 1)")
    execute(database, f"{queued} VALUES (1, 'queued', 60, 60, 'user')")
    found = read(reader, database_url)
    assert found.live == {"queued": 1}
    assert found.next_run == (datetime(2031, 5, 17, 6, tzinfo=UTC), "daily")
    assert [(event.text, event.by_user) for event in found.events] == [
        ('schedule "daily" was due: enqueued', False),
        ("r/Locked succeeded: private (stale)", False),
        ("r/Birding failed: no [31m luck", True),
        ("r/Pottery succeeded: 2 posts, 5 comments, 4 requests (schedule)", False),
    ]
    execute(database, WITH_STEPS)
    assert read(reader, database_url).next_run == (datetime(2029, 5, 17, 6, tzinfo=UTC), "map")
    # The schedule is overdue, because its last group has not finished. Another one comes first.
    execute(
        database,
        "UPDATE scheduled_jobs SET steps_next_run_at = now() - interval '1 h' WHERE id = 3",
        "INSERT INTO job_groups (id, scheduled_job_id, created_by) OVERRIDING SYSTEM VALUE"
        " VALUES (4, 3, 'system:scheduler')",
    )
    found = read(reader, database_url)
    assert (found.next_run or ("", ""))[1] == "daily"
    assert found.next_run_waits_for is None
    execute(database, "UPDATE scheduled_jobs SET enabled = false WHERE id = 1")
    found = read(reader, database_url)
    assert ((found.next_run or ("", ""))[1], found.next_run_waits_for) == ("map", 4)
    execute(database, "DELETE FROM job_groups")
    assert read(reader, database_url).next_run_waits_for is None
    assert reader.first is not None
    assert found.finished["failed"] - reader.first.finished.get("failed", 0) == 1


def test_events_before_the_first_read_are_not_shown(
    reader: OverviewReader, database: Database, database_url: str
) -> None:
    execute(database, SUBREDDITS, FINISHED.replace("now()", "now() - interval '1 hour'"))
    assert read(reader, database_url).events == ()


def test_rows_that_take_too_long_to_count_are_not_counted_and_the_rest_is(
    reader: OverviewReader, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = "SELECT 1, 2, 3 FROM pg_sleep(10)"
    monkeypatch.setattr(overview, "STORED", slow)
    monkeypatch.setattr(overview, "STATEMENT_MILLISECONDS", 50)
    found = read(reader, database_url)
    assert found.stored is None
    assert not found.live


def test_a_read_between_two_intervals_returns_the_last_totals(
    reader: OverviewReader,
    database: Database,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(overview, "READ_SECONDS", 600.0)
    before = read(reader, database_url)
    execute(database, SUBREDDITS, SCHEDULE)
    assert reader.read(database_url) == before
    assert read(reader, database_url).next_run is not None


def test_without_a_database_the_last_totals_stay(reader: OverviewReader, database_url: str) -> None:
    assert reader.read("postgresql://127.0.0.1:1/none", at_once=True) is None
    found = read(reader, database_url)
    reader.close()
    assert reader.read("postgresql://127.0.0.1:1/none", at_once=True) == found


def test_the_query_of_live_jobs_names_exactly_the_live_states() -> None:
    assert set(re.findall(r"'(\w+)'", overview.LIVE_JOBS)) == LIVE
