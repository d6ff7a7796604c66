"""How often the client sends a request that fails, and how long it waits between the tries."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from crawler_worker.reddit import crawl_failures, endpoints
from crawler_worker.reddit.client import RedditClient
from crawler_worker.reddit.exchange.large_replies import LargeReplies
from crawler_worker.reddit.exchange.transfer import Exchange
from crawler_worker.reddit.request_context import RequestContext
from crawler_worker.reddit.requester import Requester
from crawljobs.runtime import jitter
from crawljobs.settings import RedditSettings

JSON = {"content-type": "application/json"}
HTML = {"content-type": "text/html"}
SETTINGS = RedditSettings("tests", "secret", "tests", "http://reddit.test", "http://reddit.test")


class Transport:
    """Gives the tokens t1, t2 and so on, and each other request the reply of `answer`."""

    def __init__(self, answer: Callable[[], Exchange]) -> None:
        self.large = LargeReplies()
        self.sent: list[str] = []
        self._answer, self._tokens = answer, 0

    def send(self, request: Any) -> Exchange:
        if request.path.endswith("/access_token"):
            self._tokens += 1
            token = {"access_token": f"t{self._tokens}", "expires_in": 86400}
            return Exchange(200, JSON, json.dumps(token).encode())
        self.sent.append(request.headers["Authorization"])
        return self._answer()


class Stop(threading.Event):
    def __init__(self, *, is_told: bool = False) -> None:
        super().__init__()
        self.waits: list[float] = []
        self._is_told = is_told

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        return self._is_told


def reply(status: int, body: Any = None, headers: dict[str, str] = JSON) -> Callable[[], Exchange]:
    content = json.dumps({"message": "x", "error": status} if body is None else body).encode()
    return lambda: Exchange(status, headers, content)


def unreachable() -> Exchange:
    raise crawl_failures.Unreachable("no connection", cause=crawl_failures.Cause.REFUSED)


def ask(
    answer: Callable[[], Exchange], gap: float = 0.0, *, is_told: bool = False
) -> tuple[crawl_failures.CrawlFailure | crawl_failures.Interrupted, list[str], list[float]]:
    """Return the failure of a request for comments, the tokens of its tries, and the waits."""
    transport: Any = Transport(answer)
    stop = Stop(is_told=is_told)
    client = RedditClient(SETTINGS, database=None, transport=transport)
    requester = Requester(client, RequestContext(stop, gap=gap))
    try:
        endpoints.comments(requester, name="python", after=None)
    except (crawl_failures.CrawlFailure, crawl_failures.Interrupted) as error:
        failure = error
    return failure, [each.removeprefix("bearer ") for each in transport.sent], stop.waits


@pytest.fixture(autouse=True)
def _longest_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jitter, "uniform", lambda _least, most: most)


FAILS = crawl_failures.UpstreamTrouble
TRIES: dict[str, tuple[Callable[[], Exchange], type[Exception]]] = {
    "trouble": (reply(503), FAILS),
    "unclear": (reply(403, b"blocked".decode(), HTML), crawl_failures.Unclear),
}


@pytest.mark.parametrize("failure", TRIES)
@pytest.mark.parametrize(
    ("gap", "waits"),
    [
        (0.0, [1.0, 2.0]),
        (1.5, [1.5, 2.0]),
        (30.0, [30.0, 30.0]),
        (30.5, []),  # the job waits for its next request in the queue
    ],
)
def test_a_failure_is_raised_after_three_tries(
    failure: str, gap: float, waits: list[float]
) -> None:
    answer, raised = TRIES[failure]
    error, tokens, waited = ask(answer, gap)
    assert type(error) is raised
    assert tokens == ["t1"] * (len(waits) + 1)
    assert waited == waits


@pytest.mark.parametrize(("gap", "waits"), [(0.0, []), (5.0, [5.0]), (30.0, [30.0]), (31.0, [])])
@pytest.mark.parametrize(
    ("status", "raised"),
    [
        (404, crawl_failures.Unavailable),
        (400, crawl_failures.BadRequest),
        (413, crawl_failures.TooLarge),
    ],
)
def test_a_refusal_is_confirmed_by_a_second_request(
    status: int, raised: type[Exception], gap: float, waits: list[float]
) -> None:
    error, tokens, waited = ask(reply(status), gap)
    assert type(error) is raised
    assert (tokens, waited) == (["t1", "t1"], waits)


def test_a_stored_reply_frees_the_turn_for_large_replies() -> None:
    transport: Any = Transport(unreachable)
    client = RedditClient(SETTINGS, database=None, transport=transport)
    assert transport.large.enter(1)
    assert not transport.large.enter(1)  # this thread has the turn
    client.forget_reply()
    assert transport.large.enter(1)


def test_a_refused_token_is_replaced_once() -> None:
    error, tokens, waited = ask(reply(401))
    assert type(error) is crawl_failures.TokenRefused
    assert (tokens, waited) == (["t1", "t2"], [])


def test_without_a_shared_budget_a_429_defers_the_job_for_seconds() -> None:
    error, tokens, waited = ask(reply(429))
    assert isinstance(error, crawl_failures.Throttled)
    assert (error.resume_in, error.retry_after) == (5.0, None)
    assert (tokens, waited) == (["t1"], [])


def test_a_job_that_cannot_connect_waits_ten_seconds() -> None:
    error, tokens, waited = ask(unreachable)
    assert isinstance(error, crawl_failures.Outage)
    assert error.resume_in == 10.0
    assert (len(tokens), waited) == (3, [1.0, 2.0])


@pytest.mark.parametrize(("status", "gap"), [(503, 0.0), (404, 5.0)])
def test_a_stop_ends_the_wait_for_the_next_try(status: int, gap: float) -> None:
    error, tokens, _ = ask(reply(status), gap, is_told=True)
    assert isinstance(error, crawl_failures.Interrupted)
    assert tokens == ["t1"]
