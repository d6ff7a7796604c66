"""When the lease keeper extends claims, which claims it extends, and when it wakes the worker."""

import dataclasses
import math
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from crawler_worker.claims import lease_keeper
from crawler_worker.claims.held_claim import HeldClaim
from crawler_worker.claims.lease_keeper import LeaseKeeper
from crawljobs import errors
from crawljobs.db.database import Database
from crawljobs.repository.queue import queue_sql
from support import jobs
from support.claims import CLAIM
from support.counted import counted
from support.waiting import wait_until

LEASE = 30.0  # so a regular extension follows after 10 s
NOWHERE = "postgresql://127.0.0.1:1/none"
Turn = tuple[Any, ...]


@dataclasses.dataclass
class Script:
    """Stands for a connection. Each wait takes the next seconds, or the whole wait for None."""

    waits: list[tuple[float | None, bool]]  # the seconds of a wait, and whether a job arrived
    locked: list[list[HeldClaim]]  # the claims whose rows are locked, for each extension
    now: float = 1_000.0
    turns: list[Turn] = dataclasses.field(default_factory=list)
    keeper: LeaseKeeper = dataclasses.field(init=False)

    def open(self, url: str, *, application_name: str, deadline_seconds: float) -> "Script":
        self.turns.append(("open", url, application_name, deadline_seconds))
        return self

    def listen(self, channel: str) -> None:
        self.turns.append(("listen", channel))

    def wait(self, seconds: float, *, wake: int) -> bool:
        self.turns.append(("wait", seconds))
        if not self.waits:
            self.keeper.stop()
            return False
        elapsed, has_arrived = self.waits.pop(0)
        self.now += seconds if elapsed is None else elapsed
        return has_arrived

    def close(self) -> None:
        self.turns.append(("close",))

    def extend(self, _: object, claims: list[HeldClaim]) -> list[HeldClaim]:
        self.turns.append(("extend", self.now - 1_000, len(claims)))
        return self.locked.pop(0) if self.locked else []


def turns_of(script: Script, monkeypatch: pytest.MonkeyPatch, *, claims: int) -> list[Turn]:
    monkeypatch.setattr(lease_keeper, "time", SimpleNamespace(monotonic=lambda: script.now))
    monkeypatch.setattr(lease_keeper, "DirectConnection", script.open)
    keeper = script.keeper = LeaseKeeper(
        NOWHERE, worker="w", lease_seconds=LEASE, on_work=lambda: script.turns.append(("work",))
    )
    monkeypatch.setattr(keeper, "_extend", script.extend)
    for number in range(claims):
        keeper.hold(CLAIM._replace(job_id=number), requested_at=script.now)
    keeper._serve()
    return script.turns


def test_claims_are_extended_three_times_a_lease_and_the_worker_is_woken_by_new_jobs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = Script(waits=[(4.0, True), (None, False), (None, False)], locked=[])
    assert turns_of(script, monkeypatch, claims=2) == [
        ("open", NOWHERE, "crawljobs w keeper", 10.0),
        ("listen", queue_sql.CHANNEL),
        ("extend", 0.0, 2),
        ("work",),  # the notifications before LISTEN were lost
        ("wait", 10.0),
        ("work",),
        ("wait", 6.0),
        ("extend", 10.0, 2),
        ("wait", 10.0),
        ("extend", 20.0, 2),
        ("wait", 10.0),
        ("close",),
    ]


def test_only_locked_claims_are_extended_ten_times_as_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = HeldClaim(CLAIM, requested_at=0, lease_seconds=LEASE)
    script = Script(
        waits=[(None, False), (None, False), (7.5, True), (None, False)],
        locked=[[held], [held], [held], [held], []],
    )
    assert turns_of(script, monkeypatch, claims=2)[3:] == [
        ("work",),
        ("extend", 0.0, 1),
        ("wait", 1.0),
        ("extend", 1.0, 1),
        ("wait", 1.0),
        ("extend", 2.0, 1),
        ("wait", 1.0),
        ("work",),
        ("extend", 9.5, 1),
        ("wait", 0.5),
        ("extend", 10.0, 2),
        ("wait", 10.0),
        ("close",),
    ]


def test_a_second_connection_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(waits=[], locked=[])
    with counted() as first:
        turns_of(script, monkeypatch, claims=0)
    with counted() as second:
        script.keeper._reached_at = script.now
        script.keeper._stopping.clear()
        script.keeper._serve()
    assert (first, second) == ({}, {"db_reconnects_total{}": 1})


def new_keeper(**options: Any) -> LeaseKeeper:
    return LeaseKeeper(
        NOWHERE, **{"worker": "w", "lease_seconds": LEASE, "on_work": lambda: None, **options}
    )


def test_a_beat_counts_from_the_start_of_the_thread_and_ends_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, seen, woken = [100.0], [], []
    monkeypatch.setattr(lease_keeper, "time", SimpleNamespace(monotonic=lambda: now[0]))
    keeper = new_keeper(on_work=lambda: woken.append(keeper.has_stopped))
    now[0] = 107.0
    assert keeper.seconds_since_beat() == 7.0
    monkeypatch.setattr(keeper, "_keep", lambda: seen.append(keeper.seconds_since_beat()))
    keeper.run()
    assert seen == [0.0]
    assert keeper.seconds_since_beat() == math.inf
    assert woken == [True]  # so the worker sees at once that the keeper has stopped


def test_an_outage_is_logged_at_each_try(monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = new_keeper()

    def away() -> None:
        if len(told) == 2:
            keeper.stop()
        raise errors.DatabaseUnavailable("away")

    monkeypatch.setattr(lease_keeper, "RECONNECT_SECONDS", 0.001)
    monkeypatch.setattr(keeper, "_serve", away)
    with capture_logs() as told:
        keeper._keep()
    line = {"event": "keeper.disconnected", "log_level": "warning", "reason": "away"}
    assert told == [line] * 3


def test_a_dropped_claim_leaves_a_later_claim_of_its_job() -> None:
    keeper = new_keeper()
    first = keeper.hold(CLAIM, requested_at=0)
    later = keeper.hold(CLAIM, requested_at=0)
    keeper.drop(first)
    assert keeper.all_held() == [later]
    keeper.drop(later)
    keeper.drop(later)
    assert keeper.all_held() == []


def test_a_keeper_wakes_the_worker_by_a_notification_only(
    database: Database, database_url: str
) -> None:
    woken = threading.Semaphore(0)
    keeper = LeaseKeeper(database_url, worker="w" * 80, lease_seconds=3_600, on_work=woken.release)
    keeper.start()
    try:
        assert woken.acquire(timeout=10)
        assert keeper.can_extend()
        assert not woken.acquire(blocking=False)
        with database.begin() as conn:
            names = conn.execute(
                text("SELECT application_name FROM pg_stat_activity WHERE application_name ~ 'www'")
            ).scalars()
            assert [len(name) for name in names] == [63]
            jobs.enqueue(conn, now=None)
        assert woken.acquire(timeout=10)
    finally:
        keeper.stop()
        keeper.join(10)
    assert not keeper.is_alive()
    wait_until(lambda: woken.acquire(blocking=False), timeout=20, describe="the keeper's last wake")
