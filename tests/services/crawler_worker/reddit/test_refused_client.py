"""If Reddit refuses the client, all workers pause.

One probe at a time finds the end of the pause.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import structlog
from sqlalchemy import text

from crawler_worker.reddit import crawl_failures, endpoints
from crawler_worker.reddit.client import RedditClient
from crawler_worker.reddit.pacing import probe
from crawljobs.db.database import Database
from crawljobs.domain.request_budget import PausedReason
from crawljobs.repository import gauges
from crawljobs.settings import RedditSettings
from support import scripted_server
from support.requesters import requester_of
from support.scripted_server import Exchange

ABOUT = json.dumps({"kind": "t5", "data": {"display_name": "python"}}).encode()
FOUND = json.dumps({"kind": "Listing", "data": {"children": []}}).encode()
QUICK = {"x-ratelimit-used": "1", "x-ratelimit-remaining": "9999999.0", "x-ratelimit-reset": "9"}
BLOCKED = b"<!doctype html><title>Blocked</title><p>your request has been blocked</p>"
Answer = Callable[[Exchange], None]


def sends(status: int, body: bytes, content_type: str = "text/html") -> Answer:
    return lambda it: it.send(status, body, content_type=content_type, **QUICK)


def error(status: int, body: object) -> Answer:
    return sends(status, json.dumps(body).encode(), "application/json")


# Replies that a blocked client, or a client behind a blocking proxy, gets to every request.
BLOCKS = {
    "a page": sends(403, BLOCKED),
    "a bare 403": sends(403, b""),
    "insufficient scope": error(403, {"error": "insufficient_scope"}),
    "no reason": error(403, {"message": "Forbidden", "error": 403}),
    "nginx": sends(404, b"<html><title>404 Not Found</title>nginx</html>"),
    "a portal": sends(200, BLOCKED),
    "a gateway": error(403, {"message": "Forbidden"}),
    # JSON with the status 200 that is no listing of Reddit.
    "an error with 200": error(200, {"message": "Forbidden", "error": 403}),
    "a reason with 200": error(200, {"reason": "private", "message": "Forbidden", "error": 403}),
    "a gateway with 200": error(200, {"detail": "Access denied"}),
    "a list with 200": error(200, []),
    "null with 200": error(200, None),
    "no children": error(200, {"kind": "Listing", "data": {"children": None}}),
    "another kind": error(200, {"kind": "t5", "data": {}}),
}


class Reddit:
    """Sends `page` for requests of communities, and `probe` for the probe."""

    def __init__(self) -> None:
        self.page: Answer = sends(200, ABOUT, "application/json")
        self.probe: Answer = sends(200, FOUND, "application/json")
        self.token: Callable[[int], bytes] = lambda n: json.dumps(
            {"access_token": f"t{n}", "expires_in": 86400}
        ).encode()
        self.asked: list[str] = []
        self.tokens = 0

    def __call__(self, it: Exchange) -> None:
        path = it.path.split("?")[0]
        if path.startswith("/api/v1/access_token"):
            self.tokens += 1
            it.send(200, self.token(self.tokens))
            return
        self.asked.append(path)
        (self.probe if path == probe.REQUEST.path else self.page)(it)

    def probes(self) -> int:
        return self.asked.count(probe.REQUEST.path)


@pytest.fixture
def reddit() -> Reddit:
    return Reddit()


@pytest.fixture
def client(reddit: Reddit, database: Database) -> Iterator[RedditClient]:
    with scripted_server.serve(reddit) as url:
        settings = RedditSettings("tests", "secret", "tests", url, url)
        client = RedditClient(settings, database=database, try_again_seconds=0.01)
        yield client
        client.close()


def ask(client: RedditClient, stop: threading.Event | None = None) -> str:
    return endpoints.about(requester_of(client, stop), name="python").name


def end_pause(database: Database) -> None:
    with database.begin() as conn:
        conn.execute(text("UPDATE reddit_budgets SET outage_until = now() - interval '1 s'"))
        conn.execute(text("UPDATE reddit_tokens SET ask_again_at = NULL"))


def paused(database: Database) -> list[PausedReason]:
    found = database.run(gauges.read_gauges).paused
    return [reason for reason, is_paused in found.items() if is_paused]


# Without --deep, a block of each kind; the next test tries all.
REPRESENTATIVES = ("a page", "insufficient scope", "nginx", "a portal", "no children")


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(block, marks=() if block in REPRESENTATIVES else pytest.mark.deep)
        for block in BLOCKS
    ],
)
def test_a_blocked_client_pauses_all_workers_until_a_probe_is_answered(
    client: RedditClient, reddit: Reddit, database: Database, block: str
) -> None:
    reddit.page = reddit.probe = BLOCKS[block]
    with structlog.testing.capture_logs() as told:
        for _ in range(5):
            with pytest.raises(crawl_failures.Outage, match="blocked") as caught:
                ask(client)
            assert 25 < caught.value.resume_in <= 30
    assert reddit.asked == ["/r/python/about"] * 3 + [probe.REQUEST.path]
    assert paused(database) == [PausedReason.CLIENT_REFUSED]
    assert [(line["log_level"], line["event"]) for line in told] == [("error", "reddit.refused")]
    # The client makes one request after each pause, and each pause is longer than the last.
    left = []
    for _ in range(5):
        end_pause(database)
        with pytest.raises(crawl_failures.Outage) as caught:
            ask(client)
        left.append(round(caught.value.resume_in))
    assert left == [60, 120, 240, 300, 300]
    assert reddit.probes() == 6
    reddit.page = sends(200, ABOUT, "application/json")
    reddit.probe = sends(200, FOUND, "application/json")
    end_pause(database)
    with structlog.testing.capture_logs() as told:
        assert ask(client) == "python"
        assert ask(client) == "python"
    assert [line["event"] for line in told] == ["reddit.accepted_again"]
    assert paused(database) == []


@pytest.mark.parametrize("block", BLOCKS)
def test_one_page_that_is_unclear_pauses_nobody(
    client: RedditClient, reddit: Reddit, database: Database, block: str
) -> None:
    reddit.page = BLOCKS[block]
    with pytest.raises(crawl_failures.Unclear):
        ask(client)
    assert reddit.asked == ["/r/python/about"] * 3 + [probe.REQUEST.path]
    assert paused(database) == []


def test_many_that_meet_unclear_pages_share_probes(
    client: RedditClient, reddit: Reddit, database: Database
) -> None:
    reddit.page = sends(403, BLOCKED)
    ended: list[BaseException] = []

    def run() -> None:
        try:
            ask(client)
        except Exception as error:  # noqa: BLE001 - the main thread checks it
            ended.append(error)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [type(error) for error in ended] == [crawl_failures.Unclear] * 8
    assert reddit.probes() <= 3


def test_every_token_that_is_refused_pauses_all_with_one_request_a_pause(
    client: RedditClient, reddit: Reddit, database: Database
) -> None:
    reddit.page = reddit.probe = error(401, {"message": "Unauthorized", "error": 401})
    with structlog.testing.capture_logs() as told:
        with pytest.raises(crawl_failures.CredentialsRefused):
            ask(client)
        before = len(reddit.asked), reddit.tokens
        for pauses in range(1, 4):
            end_pause(database)
            with pytest.raises(crawl_failures.CredentialsRefused):
                ask(client)
            assert len(reddit.asked) == before[0] + pauses
            assert reddit.tokens <= before[1] + pauses
    assert paused(database) == [PausedReason.CREDENTIALS_REFUSED]
    assert [line["event"] for line in told] == ["reddit.refused"]
    reddit.page = sends(200, ABOUT, "application/json")
    reddit.probe = sends(200, FOUND, "application/json")
    end_pause(database)
    assert ask(client) == "python"
    assert paused(database) == []


def token(name: str, lives: float = 86_400) -> bytes:
    return json.dumps({"access_token": name, "expires_in": lives}).encode()


# The replies of the token endpoint to its nth request, while Reddit refuses every token.
REFUSED_TOKENS: dict[str, Callable[[int], bytes]] = {
    "the same": lambda _n: token("same"),
    "the same for a second": lambda _n: token("same", 1),
    "the same for ever shorter": lambda n: token("same", 86_400 - 1_000 * n),
    "the same after a fresh one": lambda n: token(f"t{min(n, 2)}"),
    "two in turn": lambda n: token(f"t{n % 2}"),
    "the same twice": lambda n: token(f"t{n // 2}"),
    "the same without a life": lambda _n: b'{"access_token": "same"}',
    "the same, then none": lambda n: token("same") if n < 3 else b'{"error": "invalid_grant"}',
}


@pytest.mark.parametrize("given", REFUSED_TOKENS)
def test_a_refused_token_that_comes_again_costs_one_token_a_pause(
    client: RedditClient, reddit: Reddit, database: Database, given: str
) -> None:
    reddit.token = REFUSED_TOKENS[given]
    reddit.page = reddit.probe = error(401, {"message": "Unauthorized", "error": 401})
    stop = threading.Event()
    began = time.monotonic()
    for pauses in range(4):
        with pytest.raises(crawl_failures.CredentialsRefused):
            ask(client, stop)
        # During the pause, the only request is that of a token for the next probe.
        asked = len(reddit.asked)
        for _ in range(5):
            with pytest.raises(crawl_failures.CredentialsRefused):
                ask(client, stop)
        assert len(reddit.asked) == asked
        assert reddit.tokens <= 3 + pauses
        end_pause(database)
    assert time.monotonic() - began < 10
    assert len(reddit.asked) <= 3 + 4
    assert paused(database) == [PausedReason.CREDENTIALS_REFUSED]
    reddit.token = lambda n: token(f"good{n}")
    reddit.page = sends(200, ABOUT, "application/json")
    reddit.probe = sends(200, FOUND, "application/json")
    assert ask(client) == "python"
    assert paused(database) == []


def test_a_refused_token_that_comes_again_stops_every_worker_for_one_token(
    client: RedditClient, reddit: Reddit, database: Database
) -> None:
    """Eight threads share one pause. A thread that is stopped ends at once."""
    ask(client)
    before = reddit.tokens
    reddit.token = REFUSED_TOKENS["the same"]
    reddit.page = reddit.probe = error(401, {"message": "Unauthorized", "error": 401})
    ended: list[type[BaseException]] = []

    def run() -> None:
        try:
            ask(client)
        except Exception as failure:  # noqa: BLE001 - the main thread checks it
            ended.append(type(failure))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert ended == [crawl_failures.CredentialsRefused] * 8
    assert reddit.tokens - before <= 2
    assert paused(database) == [PausedReason.CREDENTIALS_REFUSED]


def test_401_for_one_page_alone_is_no_fault_of_the_credentials(
    client: RedditClient, reddit: Reddit, database: Database
) -> None:
    reddit.page = error(401, {"message": "Unauthorized", "error": 401})
    with pytest.raises(crawl_failures.Unclear, match="401"):
        ask(client)
    assert paused(database) == []
    assert reddit.tokens == 2


def test_a_probe_that_is_not_answered_is_an_outage(
    client: RedditClient, reddit: Reddit, database: Database
) -> None:
    reddit.page, reddit.probe = sends(403, BLOCKED), sends(503, b"")
    with pytest.raises(crawl_failures.Outage, match="503"):
        ask(client)
    assert paused(database) == [PausedReason.OUTAGE]


def test_a_worker_that_waits_for_the_probe_of_another_stops_when_told_to(
    client: RedditClient, reddit: Reddit, database: Database
) -> None:
    ask(client)
    with database.begin() as conn:
        conn.execute(text("UPDATE reddit_budgets SET probing_until = now() + interval '60 s'"))
    reddit.page = sends(403, BLOCKED)
    stop = threading.Event()
    timer = threading.Timer(0.5, stop.set)
    timer.start()
    with pytest.raises(crawl_failures.Interrupted):
        ask(client, stop)
    timer.join()
    assert reddit.probes() == 0


def test_a_probe_that_is_throttled_pauses_all_workers(
    client: RedditClient, reddit: Reddit, database: Database
) -> None:
    reddit.page = sends(403, BLOCKED)
    reddit.probe = lambda it: it.send(429, b"<html>", retry_after="200")
    with pytest.raises(crawl_failures.Throttled):
        ask(client)
    assert paused(database) == [PausedReason.RATE_LIMIT]


GONE = {"message": "Not Found", "error": 404}
WRONG = {"message": "Bad Request", "error": 400}


def history(client: RedditClient) -> int:
    return len(endpoints.history(requester_of(client), name="ada").items.posts)


@pytest.mark.parametrize(
    ("call", "wrong", "good"),
    [(history, error(404, GONE), FOUND), (ask, error(400, WRONG), ABOUT)],
)
def test_one_wrong_reply_ends_nothing_for_good(
    client: RedditClient,
    reddit: Reddit,
    call: Callable[[RedditClient], object],
    wrong: Answer,
    good: bytes,
) -> None:
    reddit.page = lambda it: (wrong if len(reddit.asked) == 1 else sends(200, good))(it)
    call(client)
    assert len(reddit.asked) == 2
    reddit.page = wrong
    with pytest.raises((crawl_failures.Unavailable, crawl_failures.BadRequest)):
        call(client)
    assert len(reddit.asked) - reddit.probes() == 4


@pytest.mark.parametrize(
    ("status", "body", "raised"),
    [
        (403, BLOCKED, crawl_failures.Unclear),
        (400, b'{"message": "Bad Request", "error": 400}', crawl_failures.BadRequest),
    ],
)
def test_a_probe_with_an_expired_token_is_sent_again_with_a_new_one(
    client: RedditClient,
    reddit: Reddit,
    database: Database,
    status: int,
    body: bytes,
    raised: type[Exception],
) -> None:
    reddit.page = sends(status, body, "application/json" if status == 400 else "text/html")
    good = sends(200, FOUND, "application/json")

    def only_new(it: Exchange) -> None:
        if it.headers["authorization"] == "bearer t1":
            it.send(401, b"{}")
        else:
            good(it)

    reddit.probe = only_new
    with pytest.raises(raised):
        ask(client)
    assert (reddit.probes(), reddit.tokens) == (2, 2)
    assert paused(database) == []
