"""The lease counts from the request for its extension, because the reply may come much later."""

import contextlib
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import pytest

from crawler_worker.claims import lease_keeper
from crawler_worker.claims.held_claim import MARGIN, HeldClaim
from crawler_worker.claims.lease_keeper import LeaseKeeper
from crawljobs import errors
from crawljobs.db.database import Connection, Database
from crawljobs.db.direct import DirectConnection
from support import jobs

LEASE = 30.0
SLOW = 20.0  # seconds between a request and its reply


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


class SlowNetwork:
    """The real database, whose replies come late."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    @contextlib.contextmanager
    def call(self) -> Iterator[Connection]:
        with self._database.begin() as conn:
            yield conn
        self._clock.now += SLOW


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(lease_keeper, "time", SimpleNamespace(monotonic=clock))
    return clock


def test_a_slow_answer_makes_neither_the_lease_nor_the_reach_longer(
    database: Database, clock: Clock
) -> None:
    with database.begin() as conn:
        claim = jobs.crawling(conn)
    keeper = LeaseKeeper(
        "postgresql://nobody@127.0.0.1:1/none",
        worker="w",
        lease_seconds=LEASE,
        on_work=lambda: None,
    )
    held = HeldClaim(claim, requested_at=clock.now, lease_seconds=LEASE, clock=clock)
    keeper._held[claim.job_id] = held
    clock.now += 9
    requested_at = clock.now
    direct = cast(DirectConnection, SlowNetwork(database, clock))
    assert not keeper.can_extend()  # the database has not received an extension yet
    assert keeper._extend(direct, [held]) == []
    assert clock.now == requested_at + SLOW
    usable = LEASE * (1 - MARGIN)
    for seconds, still in (
        (SLOW, True),
        (usable - 0.1, True),
        (usable, False),
        (usable + 0.1, False),
    ):
        clock.now = requested_at + seconds
        assert (held.is_valid(), keeper.can_extend()) == (still, still), seconds


def test_each_retry_in_an_outage_is_a_beat(
    database_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the liveness probe would restart the worker in a long outage of the database."""
    keeper = LeaseKeeper(database_url, worker="w", lease_seconds=LEASE, on_work=lambda: None)
    since_beat: list[float] = []

    def away() -> None:
        clock.now += 60
        if len(since_beat) == 3:
            keeper._stopping.set()
        raise errors.DatabaseUnavailable("away")

    class Waits(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            since_beat.append(keeper.seconds_since_beat())
            return self.is_set()

    monkeypatch.setattr(keeper, "_stopping", Waits())
    monkeypatch.setattr(keeper, "_serve", away)
    keeper._keep()
    assert since_beat == [0.0] * 4


class Waits:
    """Stands for the event that stops the keeper.

    Records each pause, and is set after `at_most` pauses.
    """

    def __init__(self, at_most: int) -> None:
        self.seconds: list[float] = []
        self._at_most = at_most

    def is_set(self) -> bool:
        return len(self.seconds) >= self._at_most

    def wait(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.mark.parametrize(
    ("lease", "longest"),
    # The second lease is short: a pause lasts at most a third of it.
    [(30.0, lease_keeper.RECONNECT_MAX_SECONDS), (3.0, 1.0)],
)
def test_the_pauses_of_an_outage_double_up_to_a_bound_below_the_lease(
    database_url: str, monkeypatch: pytest.MonkeyPatch, lease: float, longest: float
) -> None:
    def away() -> None:
        raise errors.DatabaseUnavailable("away")

    monkeypatch.setattr("crawljobs.runtime.jitter.uniform", lambda low, high: (low + high) / 2)
    keeper = LeaseKeeper(database_url, worker="w", lease_seconds=lease, on_work=lambda: None)
    waits = Waits(9)
    monkeypatch.setattr(keeper, "_stopping", waits)
    monkeypatch.setattr(keeper, "_serve", away)
    keeper._keep()
    first = lease_keeper.RECONNECT_SECONDS
    assert waits.seconds == [0.75 * min(first * 2**n, longest) for n in range(9)]

    # A success before the failure resets the pause to its shortest length.
    def away_after_an_answer() -> None:
        keeper._reached_at = float(len(waits.seconds))
        raise errors.DatabaseUnavailable("away")

    waits = Waits(4)
    monkeypatch.setattr(keeper, "_stopping", waits)
    monkeypatch.setattr(keeper, "_serve", away_after_an_answer)
    keeper._keep()
    assert waits.seconds == [0.75 * first] * 4
