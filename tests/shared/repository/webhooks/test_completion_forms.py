"""A connection sends first the form of a completion that the last completion needed."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.db.driver_statement import DriverStatement
from crawljobs.domain.webhook import EventType
from crawljobs.repository.queue.job_completion_sql import COMPLETION_STATEMENTS
from crawljobs.repository.webhooks import event_expansion
from support import jobs
from support.jobs import T0
from support.webhook_rows import add_endpoint

PLAIN, WITH_EVENTS = "plain", "with events"


@pytest.fixture
def complete(conn: Connection, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Return a function that completes a new job and returns the forms that were sent for it."""
    ending = COMPLETION_STATEMENTS[0]
    assert ending.with_events is not None
    sent: list[str] = []

    def observe(statement: DriverStatement, form: str) -> None:
        execute = statement.rows

        def rows(*arguments: Any) -> list[tuple[Any, ...]]:
            sent.append(form)
            return execute(*arguments)

        monkeypatch.setattr(statement, "rows", rows)

    observe(ending.statement, PLAIN)
    observe(ending.with_events, WITH_EVENTS)
    names = iter(("ants", "bees", "cats", "dogs", "eels", "foxes"))

    def completed() -> list[str]:
        sent.clear()
        claim = jobs.crawling(conn, next(names))
        jobs.complete(conn, claim=claim, outcome="crawled", now=T0)
        return [*sent]

    conn.info.clear()  # other tests have used the connection
    return completed


def written(conn: Connection) -> list[tuple[str, str]]:
    """Return the type and the subreddit of each event."""
    event_expansion.expand(conn)
    rows = conn.execute(text("SELECT type, subreddit FROM webhook_events ORDER BY version"))
    return [(row.type, row.subreddit) for row in rows]


def test_the_form_with_events_is_sent_first_while_an_endpoint_wants_them(
    conn: Connection, complete: Callable[[], list[str]]
) -> None:
    assert complete() == [PLAIN]
    endpoint = add_endpoint(conn, "https://x")
    assert complete() == [PLAIN, WITH_EVENTS]
    assert complete() == [WITH_EVENTS]
    conn.execute(text("DELETE FROM webhook_endpoints WHERE id = :id"), {"id": endpoint})
    assert complete() == [WITH_EVENTS]
    assert complete() == [PLAIN]
    assert written(conn) == [
        (EventType.JOB_SUCCEEDED, "bees"),
        (EventType.JOB_SUCCEEDED, "cats"),
    ]


def test_a_filter_that_fits_no_job_keeps_the_form_with_events_and_writes_none(
    conn: Connection, complete: Callable[[], list[str]]
) -> None:
    add_endpoint(conn, "https://x", filter_subreddit="dogs")
    assert complete() == [PLAIN, WITH_EVENTS]
    assert [complete() for _ in range(3)] == [[WITH_EVENTS]] * 3
    assert written(conn) == [(EventType.JOB_SUCCEEDED, "dogs")]
