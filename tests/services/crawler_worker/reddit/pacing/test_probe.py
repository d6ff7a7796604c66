"""How a worker checks that Reddit accepts the client, while others may probe too."""

from types import SimpleNamespace
from typing import Any

import pytest

from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.pacing import probe as probes
from crawler_worker.reddit.pacing.probe import Probe
from crawler_worker.reddit.request_context import RequestContext
from crawljobs.domain.request_budget import ProbeTurn


class Breaker:
    """Gives these turns, the last one again and again."""

    def __init__(self, *turns: ProbeTurn) -> None:
        self._turns = list(turns)
        self.since: list[float] = []
        self.given_back = 0

    def take_probe(self, since: float) -> ProbeTurn:
        self.since.append(since)
        return self._turns.pop(0) if len(self._turns) > 1 else self._turns[0]

    def give_back_probe(self) -> None:
        self.given_back += 1


class Stop:
    """Each wait takes ten seconds of the clock."""

    def __init__(self, clock: SimpleNamespace) -> None:
        self._clock = clock
        self.waits = 0

    def is_set(self) -> bool:
        return False

    def wait(self, _seconds: float) -> bool:
        self.waits += 1
        self._clock.now += 10.0
        return False


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=1_000.0)
    monkeypatch.setattr(probes, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def check(breaker: Breaker, stop: Stop, limiter: Any = None) -> None:
    parts: Any = (limiter, breaker, None, None)
    Probe(*parts).check("t", RequestContext(stop), since=995.0, is_fresh=False)


def test_a_worker_waits_for_the_probe_of_another_for_a_minute_and_a_half(
    clock: SimpleNamespace,
) -> None:
    breaker, stop = Breaker(ProbeTurn()), Stop(clock)
    with pytest.raises(crawl_failures.SlotTooLate, match="probing Reddit for too long") as late:
        check(breaker, stop)
    assert (stop.waits, late.value.resume_in) == (10, 0.2)
    assert breaker.since == [5.0 + 10 * n for n in range(11)]
    assert breaker.given_back == 0


def test_the_good_probe_of_another_worker_counts(clock: SimpleNamespace) -> None:
    stop = Stop(clock)
    check(Breaker(ProbeTurn(), ProbeTurn(is_good=True)), stop)
    assert stop.waits == 1


def test_a_worker_without_a_slot_gives_its_turn_back(clock: SimpleNamespace) -> None:
    def too_late(_stop: object) -> None:
        raise crawl_failures.SlotTooLate("too late", resume_in=1)

    breaker = Breaker(ProbeTurn(is_mine=True))
    with pytest.raises(crawl_failures.SlotTooLate, match="too late"):
        check(breaker, Stop(clock), SimpleNamespace(wait_for_slot=too_late))
    assert breaker.given_back == 1
