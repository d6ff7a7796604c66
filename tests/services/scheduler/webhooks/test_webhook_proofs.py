"""Slow and hostile receivers delay neither other receivers nor schedules, and take no memory."""

import statistics
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
import pytest
from sqlalchemy import select, text

from crawljobs.db import tables
from crawljobs.db.database import Database
from support import webhook_rows
from support.waiting import wait_until
from support.webhook_receiver import Receiver
from support.webhook_rows import VARIABLES, add_endpoint, add_events

Deliver = Callable[..., Any]
Start = Callable[..., Any]
Record = Callable[[str, object], None]
MEBIBYTE = 1 << 20
EVENTS = 200
PAUSE_SECONDS = 0.04  # between two events


def p95_of_good(database: Database, receiver: Receiver) -> float:
    """Return the p95 of the seconds from an event to its request, of events for /ok."""
    before = len(receiver.at("/ok"))
    for _ in range(EVENTS):
        with database.begin() as conn:
            add_events(conn)
        receiver.closing.wait(PAUSE_SECONDS)
    received = receiver.wait_for(before + EVENTS, timeout=60)[before:]
    with database.read() as conn:
        event = tables.webhook_events.c
        sent = {
            f"msg_{row.id.hex}": row.created_at
            for row in conn.execute(select(event.id, event.created_at))
        }
    waits = [each.at - sent[each.id].timestamp() for each in received]
    return statistics.quantiles(waits, n=20)[18]


@pytest.mark.deep
def test_a_black_hole_and_an_endpoint_of_30_s_do_not_delay_the_others(
    database: Database, receiver: Receiver, deliver: Deliver, record_property: Record
) -> None:
    with database.begin() as conn:
        add_endpoint(conn, f"{receiver.url}/ok")
    deliver()
    p95_of_good(database, receiver)
    alone = min(p95_of_good(database, receiver) for _ in range(3))
    with database.begin() as conn:
        for path in ("/silent", "/slow/30"):
            add_endpoint(conn, receiver.url + path)
    p95_of_good(database, receiver)
    beside = min(p95_of_good(database, receiver) for _ in range(3))
    record_property("p95 of seconds, alone and beside", (alone, beside))
    assert beside <= 1.5 * alone
    assert receiver.most_at_once["/ok"] <= 4


@pytest.mark.deep
def test_an_answer_of_a_gigabyte_takes_no_memory(
    database_url: str,
    database: Database,
    receiver: Receiver,
    start_scheduler: Start,
    record_property: Record,
) -> None:
    scheduler = start_scheduler(database_url, **VARIABLES)
    with database.begin() as conn:
        add_endpoint(conn, f"{receiver.url}/ok")
        add_events(conn, 200)
    receiver.wait_for(200)
    process = psutil.Process(scheduler.pid)
    wait_until(
        lambda: len(webhook_rows.deliveries(database, state="delivered")) == 200,
        timeout=20,
        describe="200 deliveries",
    )
    before = process.memory_info().rss
    with database.begin() as conn:
        huge = add_endpoint(conn, f"{receiver.url}/huge")
        add_events(conn, 100)
    receiver.wait_for(100, path="/huge")
    wait_until(
        lambda: len(webhook_rows.deliveries(database, endpoint_id=huge, state="delivered")) == 100,
        timeout=30,
        describe=lambda: webhook_rows.deliveries(database, endpoint_id=huge),
    )
    grown = process.memory_info().rss - before
    record_property("growth of memory in MiB", grown / MEBIBYTE)
    assert grown <= 2 * MEBIBYTE


def lateness(database: Database, start: datetime) -> list[float]:
    """Return the seconds from due to fired of 200 schedules that are due from `start` on."""
    with database.begin() as conn:
        conn.execute(text("DELETE FROM scheduled_jobs"))
        conn.execute(
            text(
                "INSERT INTO scheduled_jobs (name, subreddit_id, cron_expression, next_run_at)"
                " SELECT 'sub' || id, id, '0 0 1 1 *',"
                " CAST(:start AS timestamptz) + id * interval '50 milliseconds' FROM subreddits"
            ),
            {"start": start},
        )
    found = wait_until(
        lambda: (rows := _runs(database, start)) and len(rows) == 200 and rows,
        timeout=60,
        describe=lambda: f"{len(_runs(database, start))} of 200 schedules",
    )
    return [(row.fired_at - row.due_at).total_seconds() for row in found]


def _runs(database: Database, start: datetime) -> Any:
    run = tables.scheduled_job_runs.c
    with database.read() as conn:
        return conn.execute(select(run).where(run.due_at >= start)).all()


@pytest.mark.deep
def test_a_thousand_stuck_deliveries_do_not_delay_schedules(
    database_url: str,
    database: Database,
    receiver: Receiver,
    start_scheduler: Start,
    record_property: Record,
) -> None:
    with database.begin() as conn:
        conn.execute(
            text("INSERT INTO subreddits (name) SELECT 'sub' || n FROM generate_series(1, 200) n")
        )
    start_scheduler(database_url, SCHEDULER_TICK_SECONDS="1", **VARIABLES).wait_for(
        "scheduler.started"
    )
    alone = lateness(database, datetime.now(UTC) + timedelta(seconds=1))
    with database.begin() as conn:
        for number in range(10):
            add_endpoint(conn, f"{receiver.url}/silent?{number}")
        add_events(conn, 100)
    wait_until(
        lambda: len(receiver.received) >= 32, timeout=20, describe="32 attempts at the same time"
    )
    beside = lateness(database, datetime.now(UTC) + timedelta(seconds=1))
    assert len(webhook_rows.deliveries(database, state="pending")) == 1000
    first, second = (statistics.quantiles(each, n=20)[18] for each in (alone, beside))
    record_property("p95 of lateness in seconds, alone and beside", (first, second))
    assert second <= max(1.5 * first, first + 0.02)
