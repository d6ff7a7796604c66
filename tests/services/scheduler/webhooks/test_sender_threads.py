"""Sender threads that cannot start cost no delivery, and late senders send nothing."""

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from crawljobs.db.database import Database
from scheduler.webhooks.claiming import LEASE, RECORD_SECONDS, Assignment
from scheduler.webhooks.sender_threads import SenderThreads
from support import webhook_rows
from support.waiting import wait_until
from support.webhook_receiver import Receiver
from support.webhook_rows import add_endpoint, add_events

Deliver = Callable[..., Any]


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Yield a list with the number of sender threads that may still start."""
    left = [0]
    start = threading.Thread.start

    def started(thread: threading.Thread) -> None:
        if thread.name == "webhook-sender":
            if left[0] <= 0:
                raise RuntimeError("can't start new thread")
            left[0] -= 1
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", started)
    yield left


def test_as_many_threads_are_prepared_as_can_start(allowed: list[int]) -> None:
    done: list[int] = []
    release = threading.Event()

    def work(item: int) -> None:
        release.wait(20)
        done.append(item)

    threads = SenderThreads(work, most=5)
    assert [threads.prepare(each) for each in (3, 0, -1)] == [0, 0, 0]
    allowed[0] = 2
    assert threads.prepare(3) == 2
    threads.put(1)
    assert threads.prepare(3) == 1
    allowed[0] = 9
    assert threads.prepare(9) == 4, "at most 5 threads"
    release.set()
    threads.put(2)
    wait_until(lambda: threads.prepare(9) == 5, timeout=20, describe="idle threads")
    assert sorted(done) == [1, 2]


def test_deliveries_wait_unclaimed_while_no_thread_can_start(
    database: Database, receiver: Receiver, deliver: Deliver, allowed: list[int]
) -> None:
    with database.begin() as conn:
        add_endpoint(conn, f"{receiver.url}/ok")
        add_events(conn, 3)
    deliverer = deliver()
    wait_until(
        lambda: len(webhook_rows.deliveries(database, state="pending")) == 3,
        timeout=20,
        describe="deliveries of the events",
    )
    began = deliverer._beat_at
    wait_until(lambda: deliverer._beat_at > began + 1, timeout=20, describe="further rounds")
    assert all(each.claim_token is None for each in webhook_rows.deliveries(database))
    allowed[0] = 1  # one thread is enough for all deliveries
    receiver.wait_for(3)
    wait_until(
        lambda: len(webhook_rows.deliveries(database, state="delivered")) == 3,
        timeout=20,
        describe=lambda: webhook_rows.deliveries(database),
    )
    assert [each.result for each in webhook_rows.attempts(database)] == ["succeeded"] * 3


def test_a_sender_that_comes_after_its_deadline_sends_nothing(
    database: Database, receiver: Receiver, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that was stopped for longer than its lease does not send beside the next one."""
    with database.begin() as conn:
        add_endpoint(conn, f"{receiver.url}/ok")
    deliverer = deliver()
    put = deliverer._threads.put
    kept: list[Assignment] = []
    monkeypatch.setattr(deliverer._threads, "put", kept.append)
    with database.begin() as conn:
        add_events(conn)
    (assigned,) = wait_until(lambda: kept, timeout=20, describe="a claimed delivery")
    assert 0 < assigned.deadline - time.monotonic() <= LEASE.total_seconds() - RECORD_SECONDS
    put(dataclasses.replace(assigned, deadline=time.monotonic()))
    wait_until(
        lambda: deliverer._running.count(pings=False) == 0, timeout=20, describe="an idle sender"
    )
    assert receiver.received == []
    assert webhook_rows.attempts(database) == []
