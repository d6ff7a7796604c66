"""The processes of one client id share the state of outages and the access token."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import text

from crawler_worker.reddit import crawl_failures, endpoints
from crawler_worker.reddit.client import RedditClient
from crawler_worker.reddit.pacing import probe
from crawler_worker.reddit.request_context import LONGEST_GAP_SECONDS
from crawljobs.db.database import Database
from crawljobs.domain import request_budget
from crawljobs.settings import RedditSettings
from support import scripted_server
from support.requesters import requester_of
from support.scripted_server import Exchange

ABOUT = json.dumps({"kind": "t5", "data": {"display_name": "python"}}).encode()
FOUND = json.dumps({"kind": "Listing", "data": {"children": []}}).encode()
QUICK = {"x-ratelimit-used": "1", "x-ratelimit-remaining": "9999999.0", "x-ratelimit-reset": "9"}


class FakeReddit:
    def __init__(self) -> None:
        self.down = False
        self.tokens_down = False
        self.throttles = False
        self.tokens = 0
        self.paths: list[str] = []
        self.bearers: list[str | None] = []
        self.refused = ""
        self.broken = "none"  # requests of paths with this beginning fail

    def __call__(self, it: Exchange) -> None:
        if it.path.startswith("/api/v1/access_token"):
            self.tokens += 1
            if self.tokens_down:
                it.send(503, b"")
                return
            token = {"access_token": f"t{self.tokens}", "expires_in": 86400}
            it.send(200, json.dumps(token).encode())
            return
        self.paths.append(it.path.partition("?")[0])
        self.bearers.append(it.headers["authorization"])
        if self.bearers[-1] == f"bearer {self.refused}":
            it.send(401, b"{}", **QUICK)
        elif self.down or it.path.startswith(self.broken):
            it.send(503, b"")
        elif self.throttles:
            it.send(429, b"", retry_after="300")
        else:
            it.send(200, FOUND if self.paths[-1] == probe.REQUEST.path else ABOUT, **QUICK)


@pytest.fixture
def reddit() -> FakeReddit:
    return FakeReddit()


@pytest.fixture
def start(reddit: FakeReddit, database: Database) -> Iterator[Callable[[], RedditClient]]:
    """Yield a function that creates a client. Each client stands for another process."""
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(scripted_server.serve(reddit))
        settings = RedditSettings("tests", "secret", "tests", url, url)

        def client() -> RedditClient:
            opened = RedditClient(settings, database=database, try_again_seconds=0.001)
            stack.callback(opened.close)
            return opened

        yield client


def ask(client: RedditClient, gap: float = 0.0) -> Any:
    return endpoints.about(requester_of(client, gap=gap), name="python")


def let_time_pass(database: Database) -> None:
    with database.begin() as conn:
        conn.execute(
            text("UPDATE reddit_budgets SET outage_until = now() WHERE outage_until IS NOT NULL")
        )
        conn.execute(text("UPDATE reddit_tokens SET ask_again_at = now()"))


def test_trouble_that_is_over_at_once_is_not_noticed(
    reddit: FakeReddit, start: Callable[[], RedditClient]
) -> None:
    client = start()
    ask(client)
    reddit.down = True

    class UpAgain(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            reddit.down = False
            return False

    sent: list[int] = []
    requester = requester_of(client, UpAgain(), sent=sent)
    assert endpoints.about(requester, name="python").name == "python"
    assert len(sent) == 2


def test_a_request_that_keeps_failing_fails_after_three_tries(
    reddit: FakeReddit, start: Callable[[], RedditClient]
) -> None:
    client = start()
    ask(client)
    reddit.down = True
    with pytest.raises(crawl_failures.UpstreamTrouble):
        ask(client)
    assert len(reddit.paths) == 4


def test_in_an_outage_everybody_waits_and_one_probe_at_a_time_finds_its_end(
    reddit: FakeReddit, start: Callable[[], RedditClient], database: Database
) -> None:
    one, other = start(), start()
    ask(one)
    reddit.down = True
    raised = []
    for client in (one, other, one, other):
        with pytest.raises(crawl_failures.CrawlFailure) as caught:
            ask(client)
        raised.append(type(caught.value).__name__)
    assert raised == ["UpstreamTrouble", "UpstreamTrouble", "UpstreamTrouble", "Outage"]
    asked = len(reddit.paths)
    assert asked == 1 + 10 + 1
    # The probe came before the pause. Afterwards no request is made.
    assert reddit.paths[-1] == probe.REQUEST.path
    with pytest.raises(crawl_failures.Outage) as waits:
        ask(one)
    assert (waits.value.kind, waits.value.reason) == ("deferred", "outage")
    assert 20 < waits.value.resume_in <= 30
    assert len(reddit.paths) == asked

    let_time_pass(database)
    with pytest.raises(crawl_failures.Outage) as probed:
        ask(other)
    assert 50 < probed.value.resume_in <= 60
    assert reddit.paths[asked:] == [probe.REQUEST.path]

    reddit.down = False
    let_time_pass(database)
    assert ask(one).name == "python"
    assert reddit.paths[asked + 1 :] == [probe.REQUEST.path, "/r/python/about"]
    assert ask(other).name == "python"


def test_a_probe_that_meets_a_429_ends_the_outage_and_pauses_every_worker(
    reddit: FakeReddit, start: Callable[[], RedditClient], database: Database
) -> None:
    one, other = start(), start()
    ask(one)
    reddit.down = True
    for _ in range(4):
        with pytest.raises(crawl_failures.CrawlFailure):
            ask(one)
    reddit.down, reddit.throttles = False, True
    let_time_pass(database)
    asked = len(reddit.paths)
    for client in (one, other):
        with pytest.raises(crawl_failures.Deferred) as caught:
            ask(client)
        assert caught.value.reason == "rate_limit"
    assert reddit.paths[asked:] == [probe.REQUEST.path]


def test_a_worker_told_to_stop_between_two_tries_gives_its_job_back(
    reddit: FakeReddit, start: Callable[[], RedditClient]
) -> None:
    client = start()
    ask(client)
    reddit.down = True

    class StoppedWhileWaiting(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            return True

    with pytest.raises(crawl_failures.Interrupted):
        endpoints.about(requester_of(client, StoppedWhileWaiting()), name="python")


def test_processes_share_one_token_and_refresh_it_once(
    reddit: FakeReddit, start: Callable[[], RedditClient]
) -> None:
    clients = [start() for _ in range(4)]
    for client in clients:
        ask(client)
    assert reddit.tokens == 1
    reddit.refused = "t1"
    threads = [threading.Thread(target=ask, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert reddit.tokens == 2
    assert reddit.bearers.count("bearer t2") == 4


def test_trouble_of_the_token_endpoint_makes_every_process_wait_and_charges_nobody(
    reddit: FakeReddit, start: Callable[[], RedditClient], database: Database
) -> None:
    reddit.tokens_down = True
    for client in (start(), start()):
        with pytest.raises(crawl_failures.Outage) as caught:
            ask(client)
        assert 20 < caught.value.resume_in <= 30
    assert reddit.tokens == 1
    reddit.tokens_down = False
    let_time_pass(database)
    assert ask(start()).name == "python"


def test_a_reddit_that_takes_no_connection_costs_no_attempt_from_the_first_failure_on(
    reddit: FakeReddit, database: Database
) -> None:
    with scripted_server.serve(reddit) as url:
        settings = RedditSettings("tests", "secret", "tests", url, url)
        with contextlib.closing(RedditClient(settings, database=database)) as client:
            ask(client)
    client = RedditClient(settings, database=database, try_again_seconds=0.001)
    with contextlib.closing(client), pytest.raises(crawl_failures.Outage) as caught:
        ask(client)
    assert (caught.value.kind, caught.value.reason) == ("deferred", "outage")
    assert isinstance(caught.value.__cause__, crawl_failures.Unreachable), (
        "the breaker is still closed"
    )


def test_the_failure_that_opens_an_outage_makes_its_own_job_wait_too(
    reddit: FakeReddit, start: Callable[[], RedditClient]
) -> None:
    """A crawl with a long gap makes one request.

    The failure decides whether an attempt is charged.
    """
    client = start()
    ask(client)
    reddit.down = True
    raised = []
    for _ in range(request_budget.FAILURES_THAT_OPEN):
        with pytest.raises(crawl_failures.CrawlFailure) as caught:
            ask(client, gap=LONGEST_GAP_SECONDS + 1)
        raised.append(caught.type)
    assert raised[-1] is crawl_failures.Outage
    assert set(raised[:-1]) == {crawl_failures.UpstreamTrouble}


def test_broken_pages_of_one_community_pause_nobody(
    reddit: FakeReddit, start: Callable[[], RedditClient], database: Database
) -> None:
    """When half of the last 20 replies are failures, a probe of Reddit follows, which succeeds."""
    one, other = start(), start()
    ask(one)
    reddit.broken = "/r/broken/"
    for n in range(25):
        with pytest.raises(crawl_failures.UpstreamTrouble) as caught:
            endpoints.about(requester_of((one, other)[n % 2]), name="broken")
        assert caught.type is crawl_failures.UpstreamTrouble
        ask(one)
    with database.begin() as conn:
        outage = text("SELECT outage_until FROM reddit_budgets")
        assert conn.execute(outage).scalar_one() is None
    assert (
        0 < reddit.paths.count(probe.REQUEST.path) <= 75 // (request_budget.FAILURES_THAT_OPEN - 1)
    )


def test_an_outage_that_begins_with_broken_pages_of_one_community_is_found(
    reddit: FakeReddit, start: Callable[[], RedditClient]
) -> None:
    client = start()
    ask(client)
    reddit.broken = "/r/broken/"
    for _ in range(4):
        with pytest.raises(crawl_failures.UpstreamTrouble):
            endpoints.about(requester_of(client), name="broken")
    reddit.down = True
    raised = []
    for _ in range(4):
        with pytest.raises(crawl_failures.CrawlFailure) as caught:
            ask(client)
        raised.append(caught.type)
    assert raised[-1] is crawl_failures.Outage
