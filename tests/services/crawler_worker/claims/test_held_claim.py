import dataclasses
import threading
import time
from collections.abc import Callable

import pytest

from crawler_worker.claims.held_claim import HeldClaim
from support.claims import CLAIM

READ_BEFORE_SLEEPING = 3  # a wait reads the clock three times before it sleeps


@dataclasses.dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def held_at(clock: Clock) -> HeldClaim:
    return HeldClaim(CLAIM, requested_at=clock.now, lease_seconds=30, clock=clock)


def test_a_claim_is_ours_until_shortly_before_its_lease_ends() -> None:
    clock = Clock()
    held = held_at(clock)
    clock.now += 26.9
    assert held.is_valid()
    assert not held.is_set()
    clock.now = 100.0 + 27.0
    assert not held.is_valid()
    assert held.is_set()


def test_an_extension_counts_from_when_it_was_asked_for() -> None:
    clock = Clock()
    held = held_at(clock)
    clock.now += 20
    held.extended(requested_at=110.0)
    clock.now = 136.9
    assert held.is_valid()
    clock.now = 137.1
    assert not held.is_valid()


def test_an_interrupted_claim_is_still_ours_and_a_lost_one_is_not() -> None:
    clock = Clock()
    held = held_at(clock)
    held.interrupt()
    assert held.is_set()
    assert held.is_valid()
    held.mark_lost()
    assert not held.is_valid()


@pytest.mark.parametrize("end", [HeldClaim.interrupt, HeldClaim.mark_lost])
def test_an_interrupt_ends_a_wait_that_has_begun(end: Callable[[HeldClaim], None]) -> None:
    """The clock interrupts the claim after the check for a stop.

    Only the event can end the wait.
    """

    class InterruptingClock(Clock):
        calls = 0

        def __call__(self) -> float:
            self.calls += 1
            if self.calls == READ_BEFORE_SLEEPING:
                end(held)
            return self.now

    clock = InterruptingClock()
    held = HeldClaim(CLAIM, requested_at=clock.now, lease_seconds=7200, clock=clock)
    results: list[bool] = []
    waiting = threading.Thread(target=lambda: results.append(held.wait(3600)), daemon=True)
    waiting.start()
    waiting.join(10)
    assert results == [True]


def test_waiting_ends_by_itself_when_nothing_happens() -> None:
    held = HeldClaim(CLAIM, requested_at=0, lease_seconds=1e9)
    assert not held.wait(0.02)


def test_a_wait_sleeps_until_its_end() -> None:
    reads: list[float] = []

    def clock() -> float:
        reads.append(time.monotonic())
        return reads[-1]

    held = HeldClaim(CLAIM, requested_at=time.monotonic(), lease_seconds=60, clock=clock)
    assert not held.wait(0.05)
    assert reads[-1] - reads[0] >= 0.05
    assert len(reads) < 15


def test_a_wait_ends_with_the_lease() -> None:
    held = HeldClaim(CLAIM, requested_at=time.monotonic(), lease_seconds=0.1)
    results: list[bool] = []
    waiting = threading.Thread(target=lambda: results.append(held.wait(3_600)), daemon=True)
    waiting.start()
    waiting.join(10)
    assert results == [True]
