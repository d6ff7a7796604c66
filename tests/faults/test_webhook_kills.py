"""F31: kill -9 of schedulers while they deliver loses no event, and each event keeps its id."""

import os
import random
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from crawljobs.db.database import Database
from support import service_process, webhook_receiver, webhook_rows
from support.seeds import FIRST
from support.service_process import ServiceProcess
from support.waiting import wait_until
from support.webhook_receiver import Receiver
from support.webhook_rows import VARIABLES, add_endpoint, add_events

KILLS = int(os.environ.get("KILLS", "500"))
EVENTS_A_KILL = 12
PATH = "/slow/0.05"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver.receiving() as running:
        yield running


class Schedulers:
    """Two schedulers; a killed one is replaced."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self._variables = {"DATABASE_URL": database_url, "LOG_LEVEL": "WARNING", **VARIABLES}
        self._log = folder / "schedulers.log"
        self._started = 0
        self.running: list[ServiceProcess] = []

    def start(self) -> None:
        name = f"scheduler-{self._started}"
        self._started += 1
        self.running.append(
            service_process.start("scheduler", name=name, log=self._log, variables=self._variables)
        )

    def kill(self, index: int) -> None:
        self.running.pop(index).kill()


@pytest.mark.parametrize("kills", [1, pytest.param(KILLS, marks=pytest.mark.deep)])
def test_kills_lose_no_event_and_keep_the_ids(
    database_url: str,
    database: Database,
    receiver: Receiver,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
    kills: int,
) -> None:
    chance = random.Random(FIRST)
    with database.begin() as conn:
        for _ in range(3):
            add_endpoint(conn, receiver.url + PATH)
    schedulers = Schedulers(database_url, tmp_path)
    events: set[str] = set()
    try:
        schedulers.start()
        for _ in range(kills):
            schedulers.start()
            with database.begin() as conn:
                events |= {f"msg_{each.hex}" for each in add_events(conn, EVENTS_A_KILL)}
            receiver.wait_for(
                len(receiver.received) + chance.randint(1, EVENTS_A_KILL), path=PATH, timeout=60
            )
            schedulers.kill(chance.randrange(2))
            if kills < 10:  # the lease of the killed process ends at once
                _end_leases(database)
        wait_until(
            lambda: len(webhook_rows.deliveries(database, state="delivered")) == 3 * len(events),
            timeout=120,
            describe=lambda: webhook_rows.deliveries(database, state="pending"),
            every=0.2,
        )
    finally:
        for scheduler in schedulers.running:
            scheduler.kill()
    received = receiver.at(PATH)
    assert {each.id for each in received} == events
    bodies = {(each.id, each.body) for each in received}
    assert len(bodies) == len(events), "an event is sent with the same bytes each time"
    interrupted = webhook_rows.attempts(database, result="interrupted")
    deliveries = 3 * len(events)
    record_property(
        "deliveries, requests, interrupted", (deliveries, len(received), len(interrupted))
    )
    assert len(received) >= deliveries
    assert len(received) <= deliveries + len(interrupted)


def test_the_receiver_counts_no_request_that_a_kill_cut_off(receiver: Receiver) -> None:
    where = urlsplit(receiver.url)
    head = b"POST /ok HTTP/1.1\r\nHost: r\r\nwebhook-id: msg_1\r\nContent-Length: 5\r\n\r\n"
    for body in (b"", b"[1,2"):
        with socket.create_connection((where.hostname, where.port), timeout=20) as client:
            client.sendall(head + body)
            client.shutdown(socket.SHUT_WR)
            assert client.recv(100) == b""
    assert receiver.received == []


def _end_leases(database: Database) -> None:
    with database.begin() as conn:
        conn.execute(
            text(
                "UPDATE webhook_deliveries SET lease_until = now(), next_attempt_at = now()"
                " WHERE claim_token IS NOT NULL"
            )
        )
