"""Read the latest events of the demo: finished jobs and due times of schedules."""

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import TupleRow

from crawljobs.domain import plain_text

EVENTS_MAX = 50  # for each kind of event, only this number of the latest events is read
TEXT_MAX = 120  # limit of a displayed text in characters

JOB_EVENTS = """
    SELECT job.id, finished_at, s.name, final.status, source, outcome, error_message,
        checkpoint ->> 'posts', checkpoint ->> 'comments', checkpoint ->> 'requests'
    FROM (VALUES ('succeeded'), ('failed'), ('cancelled')) final (status)
    CROSS JOIN LATERAL (
        SELECT id, subreddit_id, source, outcome, error_message, checkpoint, finished_at
        FROM crawl_jobs
        -- The list of statuses lets the planner use the index of finished jobs.
        WHERE status IN ('succeeded', 'failed', 'cancelled') AND status = final.status
            AND finished_at >= %(since)s
        ORDER BY finished_at DESC, id DESC LIMIT %(most)s
    ) job JOIN subreddits s ON s.id = subreddit_id
    ORDER BY finished_at DESC, job.id DESC LIMIT %(most)s
"""
RUN_EVENTS = """
    SELECT run.id, run.fired_at, s.name, run.outcome FROM scheduled_job_runs run
    JOIN scheduled_jobs s ON s.id = scheduled_job_id
    WHERE fired_at >= %(since)s ORDER BY fired_at DESC LIMIT %(most)s
"""


@dataclass(frozen=True)
class Event:
    """A finished job or a due time of a schedule. Each event has a different `key`."""

    key: tuple[str, int, datetime]
    text: str
    by_user: bool = False  # whether the event is the end of a job that a user requested

    @property
    def at(self) -> datetime:
        return self.key[2]


def read(connection: psycopg.Connection[TupleRow], since: datetime | None) -> tuple[Event, ...]:
    """Return at most 50 events from `since` on, the newest event first. Raises psycopg.Error."""
    chosen = {"since": since, "most": EVENTS_MAX}
    events = [_job_event(row) for row in connection.execute(JOB_EVENTS, chosen)]
    events += [
        Event(("run", run, at), f'schedule "{text(name)}" was due: {text(outcome)}')
        for run, at, name, outcome in connection.execute(RUN_EVENTS, chosen)
    ]
    return tuple(sorted(events, key=lambda event: event.at, reverse=True)[:EVENTS_MAX])


def text(value: object) -> str:
    """Return the value as a short text without control characters."""
    return plain_text.one_line(str(value or ""), limit=TEXT_MAX)


def _job_event(row: TupleRow) -> Event:
    job, at, subreddit, status, source, outcome, error, *counts = row
    if status == "succeeded" and outcome in (None, "crawled"):
        posts, comments, requests = (text(count) or "0" for count in counts)
        result = f"{posts} posts, {comments} comments, {requests} requests"
    else:
        result = text(outcome if status == "succeeded" else error)
    shown = f"r/{text(subreddit)} {status}" + (f": {result}" if result else "")
    by_user = source == "user"
    return Event(("job", job, at), shown if by_user else f"{shown} ({source})", by_user)
