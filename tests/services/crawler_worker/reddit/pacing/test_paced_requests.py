"""What a reply means for the other workers: a good one, an error, a failure and an outage."""

import json
import threading
from typing import Any

import pytest

from crawler_worker.reddit import crawl_failures, parsing
from crawler_worker.reddit.exchange.transfer import Exchange
from crawler_worker.reddit.pacing.paced_requests import PacedRequests
from crawler_worker.reddit.request import Request
from crawler_worker.reddit.request_context import RequestContext
from crawljobs.domain.request_budget import Slot

JSON = {"content-type": "application/json"}
REQUEST = Request("GET", "/r/python/comments", {})
GOOD = Exchange(200, JSON, b'{"kind": "Listing", "data": {"children": [], "after": null}}')


def error(status: int) -> Exchange:
    return Exchange(status, JSON, json.dumps({"message": "x", "error": status}).encode())


class Workers:
    """Stands for the limiter, the circuit breaker, the probe and the API, and notes the calls."""

    def __init__(
        self, reply: Exchange, *, is_doubtful: bool = False, pause: float = 0.0, probes: int = 0
    ) -> None:
        self.calls: list[Any] = []
        self._reply, self._is_doubtful, self._pause = reply, is_doubtful, pause
        self._probes = probes

    def wait_for_slot(self, _stop: object, *, in_background: bool) -> Slot:
        self._probes -= 1
        return Slot(0.0, taken=True, probe=self._probes >= 0, number=7 + in_background)

    def end_pause(self, slot: Slot, *_: object) -> None:
        self.calls.append(("end pause", slot.number))

    def url_of(self, _request: Request) -> str:
        return "http://reddit.test"

    def send(self, *_: object) -> Exchange:
        return self._reply

    def learn(self, slot: Slot, headers: Any) -> None:
        self.calls.append(("learn", slot.number, headers is JSON))

    def record_success(self, slot: Slot) -> None:
        self.calls.append(("success", slot.number))

    def record_good(self, _sent_at: float) -> None:
        self.calls.append("good")

    def is_doubtful(self) -> bool:
        return self._is_doubtful

    def check(self, _token: str, _context: object, *, since: float, is_fresh: bool) -> None:
        assert since > 0
        self.calls.append(("probe", is_fresh))

    def failed(self, detail: str) -> float:
        self.calls.append(("failed", detail))
        return self._pause

    def pause_all(self, seconds: float | None) -> float:
        self.calls.append(("pause", seconds))
        return 42.0


def paced(workers: Workers) -> PacedRequests:
    parts: Any = (workers, workers, workers, workers)
    return PacedRequests(*parts)


def send(workers: Workers, *, in_background: bool = False) -> Any:
    context = RequestContext(threading.Event(), in_background=in_background)
    return paced(workers).send(REQUEST, "t", parsing.items, context)


LEARNT = ("learn", 7, True)


def test_a_good_reply_ends_failures_and_429s() -> None:
    workers = Workers(GOOD)
    send(workers)
    assert workers.calls == [LEARNT, ("success", 7), "good"]


def test_a_valid_error_ends_failures_alone() -> None:
    workers = Workers(error(404))
    with pytest.raises(crawl_failures.Unavailable):
        send(workers)
    assert workers.calls == [LEARNT, ("success", 7)]


def test_an_unclear_reply_shows_nothing() -> None:
    workers = Workers(Exchange(403, JSON, b"blocked"), is_doubtful=True)
    with pytest.raises(crawl_failures.Unclear):
        send(workers)
    assert workers.calls == [LEARNT]


@pytest.mark.parametrize("is_doubtful", [False, True])
@pytest.mark.parametrize("pause", [0.0, 0.5, 30.0])
def test_a_failure_is_an_outage_if_it_opens_the_circuit(*, is_doubtful: bool, pause: float) -> None:
    workers = Workers(error(503), is_doubtful=is_doubtful, pause=pause)
    with pytest.raises(crawl_failures.CrawlFailure) as caught:
        send(workers)
    assert isinstance(caught.value, crawl_failures.Outage) is (pause > 0)
    if isinstance(caught.value, crawl_failures.Outage):
        assert caught.value.resume_in == pause
    # A probe confirms the failure that would open the circuit.
    probe = [("probe", False)] if is_doubtful else []
    assert workers.calls == [LEARNT, *probe, ("failed", "Reddit answered 503")]


def test_a_slot_during_a_pause_is_used_for_a_probe() -> None:
    workers = Workers(GOOD, probes=2)
    send(workers, in_background=True)
    assert workers.calls[:3] == [("end pause", 8), ("end pause", 8), ("learn", 8, True)]


@pytest.mark.parametrize("retry_after", [None, 7.0])
def test_a_429_pauses_all_and_the_last_one_defers_the_job(retry_after: float | None) -> None:
    throttled = crawl_failures.Throttled("429", retry_after=retry_after)
    workers = Workers(GOOD)
    paced(workers).pause_all(throttled, last=False)
    assert workers.calls == [("pause", retry_after)]
    with pytest.raises(crawl_failures.Throttled) as deferred:
        paced(workers).pause_all(throttled, last=True)
    assert workers.calls == [("pause", retry_after)] * 2
    assert deferred.value.resume_in == (42.0 if retry_after is None else retry_after)
