"""A process keeps its token in memory, and its refusal, for exact times."""

import json
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.exchange.transfer import Transport
from crawler_worker.reddit.oauth.token import TokenSource
from crawljobs.settings import RedditSettings
from support import scripted_server
from support.scripted_server import Exchange

RUNNING = threading.Event()


class Endpoint:
    """Returns the tokens t1, t2 and so on, each for ten minutes, or refuses the credentials."""

    def __init__(self) -> None:
        self.asked = 0
        self.refuses = False

    def __call__(self, it: Exchange) -> None:
        self.asked += 1
        if self.refuses:
            it.send(401, b'{"message": "Unauthorized", "error": 401}')
        else:
            token = {"access_token": f"t{self.asked}", "expires_in": 600}
            it.send(200, json.dumps(token).encode())


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


@pytest.fixture
def clock() -> SimpleNamespace:
    return SimpleNamespace(now=5_000.0)


@pytest.fixture
def tokens(endpoint: Endpoint, clock: SimpleNamespace) -> Iterator[TokenSource]:
    transport = Transport(user_agent="tests", threads=1)
    with scripted_server.serve(endpoint) as url:
        settings = RedditSettings("tests", "secret", "tests", url, url)
        yield TokenSource(settings, transport, database=None, clock=lambda: clock.now)
    transport.close()


def test_a_token_is_used_until_a_minute_before_its_end(
    tokens: TokenSource, clock: SimpleNamespace
) -> None:
    used = []
    for later in (0, 300, 539.5, 540, 600):
        clock.now = 5_000.0 + later
        used.append(tokens.current(stop=RUNNING))
    assert used == ["t1", "t1", "t1", "t2", "t2"]
    assert tokens.current(refused="t2", stop=RUNNING) == "t3"
    assert tokens.current(refused="t2", stop=RUNNING) == "t3"
    tokens.forget("t2")
    assert tokens.current(stop=RUNNING) == "t3"
    tokens.forget("t3")
    assert tokens.current(stop=RUNNING) == "t4"


def test_refused_credentials_are_tried_again_after_five_minutes(
    tokens: TokenSource, endpoint: Endpoint, clock: SimpleNamespace
) -> None:
    endpoint.refuses = True
    found = []
    for later in (0, 100, 299.5, 300, 301):
        clock.now = 5_000.0 + later
        with pytest.raises(crawl_failures.CredentialsRefused, match="correct them") as refused:
            tokens.current(stop=RUNNING)
        found.append((endpoint.asked, refused.value.resume_in))
    assert found == [(1, 300.0), (1, 200.0), (1, 0.5), (2, 300.0), (2, 299.0)]
