"""After a 429 of the token endpoint, all workers pause, although the reply names no duration."""

import threading
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text

from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.exchange.transfer import Transport
from crawler_worker.reddit.oauth.token import TokenSource
from crawljobs.db.database import Database
from crawljobs.repository.reddit_api import reddit_tokens, token_turns
from crawljobs.settings import RedditSettings
from support import scripted_server
from support.scripted_server import Exchange

CLIENT = "tests"
MINUTES_10 = 600.0
NEVER = threading.Event()


class Endpoint:
    """Answers with `answer`, and counts the requests."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer: Callable[[Exchange], None] = lambda it: it.send(429, b"{}")

    def __call__(self, it: Exchange) -> None:
        self.asked += 1
        self.answer(it)


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


@pytest.fixture
def tokens(endpoint: Endpoint, database: Database) -> Iterator[TokenSource]:
    transport = Transport(user_agent="tests", threads=1)
    with scripted_server.serve(endpoint) as url:
        settings = RedditSettings(CLIENT, "secret", "tests", url, url)
        yield TokenSource(settings, transport, database=database)
    transport.close()


def over(database: Database, column: str) -> None:
    with database.begin() as conn:
        conn.execute(text(f"UPDATE reddit_tokens SET {column} = clock_timestamp()"))


def test_the_pause_doubles_from_five_seconds_to_ten_minutes_and_begins_again_after_a_token(
    tokens: TokenSource, endpoint: Endpoint, database: Database
) -> None:
    pauses = []
    for asked in range(1, 10):
        with pytest.raises(crawl_failures.Throttled) as caught:
            tokens.current(stop=NEVER)
        pauses.append(round(caught.value.resume_in))
        with pytest.raises(crawl_failures.Throttled):  # during the pause no further request is made
            tokens.current(stop=NEVER)
        assert endpoint.asked == asked
        over(database, "ask_again_at")
    assert pauses == [5, 10, 20, 40, 80, 160, 320, MINUTES_10, MINUTES_10]
    endpoint.answer = lambda it: it.send(200, b'{"access_token": "t", "expires_in": 86400}')
    assert tokens.current(stop=NEVER) == "t"
    endpoint.answer = lambda it: it.send(429, b"{}")
    with pytest.raises(crawl_failures.Throttled) as caught:
        tokens.current(refused="t", stop=NEVER)
    assert round(caught.value.resume_in) == 5


def test_a_turn_outlives_the_longest_exchange_by_little(
    tokens: TokenSource, endpoint: Endpoint, database: Database
) -> None:
    """If a worker dies during its turn, the others wait for little more than a minute."""
    left = []

    def note(it: Exchange) -> None:
        with database.begin() as conn:
            query = "SELECT extract(epoch FROM refreshing_until - clock_timestamp())"
            left.append(float(conn.execute(text(f"{query} FROM reddit_tokens")).scalar_one()))
        it.send(200, b'{"access_token": "t", "expires_in": 86400}')

    endpoint.answer = note
    assert tokens.current(stop=NEVER) == "t"
    assert 60 < left[0] <= 75
    with database.begin() as conn:
        assert reddit_tokens.read_token(conn, client_id=CLIENT).ask_again_in == 0


@pytest.mark.parametrize(("lives", "asked"), [(59, 2), (61, 1)])
def test_a_token_is_replaced_a_minute_before_its_end(
    tokens: TokenSource, endpoint: Endpoint, database: Database, lives: int, asked: int
) -> None:
    endpoint.answer = lambda it: it.send(200, b'{"access_token": "t", "expires_in": 86400}')
    tokens.current(stop=NEVER)
    with database.begin() as conn:
        conn.execute(
            text("UPDATE reddit_tokens SET expires_at = clock_timestamp() + :s * interval '1 s'"),
            {"s": lives},
        )
    tokens._token = None  # a new process has no token in memory
    tokens.current(stop=NEVER)
    assert endpoint.asked == asked


@pytest.mark.parametrize("is_of_this_process", [True, False])
def test_a_stop_ends_the_wait_for_a_token_that_another_asks_for(
    tokens: TokenSource, endpoint: Endpoint, database: Database, *, is_of_this_process: bool
) -> None:
    """Another thread of this process, or another worker, has the turn to fetch the token."""
    asked, may_answer, stop = threading.Event(), threading.Event(), threading.Event()

    def answer_late(it: Exchange) -> None:
        asked.set()
        may_answer.wait(20)
        it.send(200, b'{"access_token": "t", "expires_in": 86400}')

    endpoint.answer = answer_late
    first = threading.Thread(target=lambda: tokens.current(stop=NEVER))
    if is_of_this_process:
        first.start()
        assert asked.wait(10)
    else:
        with database.begin() as conn:
            assert token_turns.take_turn(
                conn, client_id=CLIENT, refused=None, early_seconds=60, turn_seconds=60
            )
    stop.set()
    try:
        with pytest.raises(crawl_failures.Interrupted):
            tokens.current(stop=stop)
    finally:
        may_answer.set()
        if is_of_this_process:
            first.join(10)
    assert endpoint.asked == is_of_this_process
