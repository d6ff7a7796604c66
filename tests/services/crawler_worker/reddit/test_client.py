"""The client requests tokens, repeats requests, pauses and waits for slots."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import text

from crawler_worker.reddit import crawl_failures, endpoints
from crawler_worker.reddit.client import RedditClient
from crawler_worker.reddit.exchange import decoding
from crawljobs import errors
from crawljobs.db.database import Database
from crawljobs.repository.reddit_api import reddit_pauses
from crawljobs.settings import RedditSettings
from support import scripted_server
from support.requesters import requester_of
from support.scripted_server import Exchange
from support.waiting import wait_until

ABOUT = json.dumps({"kind": "t5", "data": {"display_name": "python"}}).encode()
QUICK = {"x-ratelimit-used": "1", "x-ratelimit-remaining": "9999999.0", "x-ratelimit-reset": "9"}
CLIENT_ID = "tests"


class FakeReddit:
    """Sends the tokens t1, t2, ... Answers all other requests with `answer`, and records them."""

    def __init__(self) -> None:
        self.answer: Callable[[Exchange], None] = lambda it: it.send(200, ABOUT, **QUICK)
        self.token_answer: Callable[[Exchange], None] | None = None
        self.tokens = 0
        self.asked: list[tuple[str, str]] = []

    def __call__(self, it: Exchange) -> None:
        if not it.path.startswith("/api/v1/access_token"):
            self.asked.append((it.headers["authorization"], it.path))
            self.answer(it)
            return
        self.tokens += 1
        if self.token_answer is not None:
            self.token_answer(it)
            return
        token = {"access_token": f"t{self.tokens}", "expires_in": 86400, "token_type": "bearer"}
        it.send(200, json.dumps(token).encode())


@pytest.fixture
def reddit() -> FakeReddit:
    return FakeReddit()


@pytest.fixture
def settings(reddit: FakeReddit) -> Iterator[RedditSettings]:
    with scripted_server.serve(reddit) as url:
        yield RedditSettings(CLIENT_ID, "secret", "tests", url, url)


@pytest.fixture
def client(settings: RedditSettings, database: Database) -> Iterator[RedditClient]:
    client = RedditClient(settings, database=database, try_again_seconds=0.01)
    yield client
    client.close()


def ask(
    client: RedditClient,
    name: str = "python",
    stop: threading.Event | None = None,
    gap: float = 0.0,
) -> Any:
    return endpoints.about(requester_of(client, stop, gap=gap), name=name)


def pause_left(database: Database) -> float:
    return database.run(lambda conn: reddit_pauses.pause_left(conn, client_id=CLIENT_ID))


def test_one_token_serves_many_requests(client: RedditClient, reddit: FakeReddit) -> None:
    for _ in range(3):
        assert ask(client).name == "python"
    assert reddit.tokens == 1
    assert reddit.asked == [("bearer t1", "/r/python/about?raw_json=1")] * 3


def test_threads_that_start_together_fetch_one_token(
    client: RedditClient, reddit: FakeReddit
) -> None:
    threads = [threading.Thread(target=ask, args=(client,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (reddit.tokens, len(reddit.asked)) == (1, 8)


def test_a_401_is_answered_by_one_fresh_token_and_one_replay(
    client: RedditClient, reddit: FakeReddit
) -> None:
    def stale(it: Exchange) -> None:
        is_fresh = it.headers["authorization"] == "bearer t2"
        it.send(200 if is_fresh else 401, ABOUT if is_fresh else b"{}", **QUICK)

    reddit.answer = stale
    assert ask(client).name == "python"
    assert [token for token, _ in reddit.asked] == ["bearer t1", "bearer t2"]


def test_a_401_for_a_fresh_token_too_is_not_replayed_for_ever(
    client: RedditClient, reddit: FakeReddit
) -> None:
    reddit.answer = lambda it: it.send(401, b"{}", **QUICK)
    for _ in range(3):
        with pytest.raises(crawl_failures.CredentialsRefused, match="401"):
            ask(client)
    # The probe is refused too, so the cause is the client and not the subreddit.
    paths = [path.split("?")[0] for _, path in reddit.asked]
    assert paths == ["/r/python/about"] * 2 + ["/api/info"]
    assert reddit.tokens <= 3


def test_a_refused_token_that_comes_again_is_not_requested_again_and_again(
    client: RedditClient, reddit: FakeReddit
) -> None:
    same = json.dumps({"access_token": "same", "expires_in": 86400}).encode()
    reddit.token_answer = lambda it: it.send(200, same)
    reddit.answer = lambda it: it.send(401, b"{}", **QUICK)
    for _ in range(3):
        with pytest.raises(crawl_failures.CredentialsRefused, match="again"):
            ask(client)
    assert reddit.tokens == 2


@pytest.mark.parametrize(
    ("status", "body"), [(401, b"{}"), (400, b'{"error": 400}'), (200, b'{"error": "invalid"}')]
)
def test_refused_credentials_make_every_job_wait_and_are_not_tried_at_once_again(
    client: RedditClient, reddit: FakeReddit, status: int, body: bytes
) -> None:
    reddit.token_answer = lambda it: it.send(status, body)
    for _ in range(3):
        with pytest.raises(
            crawl_failures.CredentialsRefused, match="REDDIT_CLIENT_SECRET"
        ) as caught:
            ask(client)
        assert 20 < caught.value.resume_in <= 30
    assert (reddit.tokens, reddit.asked) == (1, [])


def test_a_429_of_the_token_endpoint_makes_jobs_wait(
    client: RedditClient, reddit: FakeReddit
) -> None:
    reddit.token_answer = lambda it: it.send(429, b'{"message": "Too Many Requests"}')
    for _ in range(3):
        with pytest.raises(crawl_failures.Throttled) as caught:
            ask(client)
        assert 3 < caught.value.resume_in <= 5
    assert reddit.tokens == 1


@pytest.mark.parametrize("token", ["", "two words", "line\r\nbreak", "\u00fc", 7, None])
def test_a_token_that_could_break_a_header_is_refused(
    client: RedditClient, reddit: FakeReddit, token: Any
) -> None:
    reddit.token_answer = lambda it: it.send(200, json.dumps({"access_token": token}).encode())
    with pytest.raises(crawl_failures.Outage, match="token endpoint"):
        ask(client)
    assert reddit.asked == []


def test_a_token_endpoint_that_sends_very_much_is_in_trouble(
    client: RedditClient, reddit: FakeReddit
) -> None:
    reddit.token_answer = lambda it: it.send(200, b'{"access_token": "t", "x": "' + bytes(1 << 20))
    with pytest.raises(crawl_failures.Outage, match="token endpoint") as caught:
        ask(client)
    assert "more than 64 KiB" in str(caught.value.__cause__)


def test_a_large_reply_waits_until_no_other_is_decoded(
    client: RedditClient, reddit: FakeReddit
) -> None:
    large = ABOUT + b" " * decoding.LARGE_BYTES
    reddit.answer = lambda it: it.send(200, large, **QUICK)
    found: list[Any] = []
    crawl = threading.Thread(target=lambda: found.append(ask(client)))
    with decoding.turn(decoding.LARGE_BYTES + 1):
        crawl.start()
        wait_until(lambda: reddit.asked, timeout=10, describe="the request")
        crawl.join(0.3)
        assert found == []
    crawl.join(10)
    assert [about.name for about in found] == ["python"]


def test_a_429_pauses_every_worker_and_the_request_is_made_afterwards(
    client: RedditClient, settings: RedditSettings, reddit: FakeReddit, database: Database
) -> None:
    moments: list[float] = []

    def once(it: Exchange) -> None:
        moments.append(time.monotonic())
        if len(moments) == 1:
            it.send(429, b"<html>", retry_after="1")
        else:
            it.send(200, ABOUT, **QUICK)

    reddit.answer = once
    other = RedditClient(settings, database=database)
    first = threading.Thread(target=ask, args=(client, "python"))
    first.start()
    wait_until(lambda: pause_left(database) > 0, timeout=20, describe="the pause of a 429")
    ask(other, "python")
    first.join(20)
    other.close()
    throttled_at, *later = moments
    assert len(later) == 2
    assert min(later) - throttled_at >= 0.99
    with database.begin() as conn:
        row = conn.execute(text("SELECT throttles_in_a_row FROM reddit_budgets")).one()
    assert row.throttles_in_a_row == 1


def test_good_replies_between_two_429_end_the_series(
    client: RedditClient, reddit: FakeReddit, database: Database
) -> None:
    def every_third(it: Exchange) -> None:
        if len(reddit.asked) % 3 == 2:
            it.send(429, b"<html>", retry_after="1")
        else:
            it.send(200, ABOUT, **QUICK)

    reddit.answer = every_third
    for _ in range(4):  # Reddit's replies are 200, 429, 200, 200, 429, 200
        ask(client)
    assert len(reddit.asked) == 6
    with database.begin() as conn:
        row = conn.execute(text("SELECT throttles_in_a_row FROM reddit_budgets")).one()
    assert row.throttles_in_a_row == 1


def test_a_429_that_asks_for_a_long_pause_defers_the_job_until_then(
    client: RedditClient, reddit: FakeReddit, database: Database
) -> None:
    reddit.answer = lambda it: it.send(429, b"<html>", retry_after="240")
    with pytest.raises(crawl_failures.SlotTooLate) as caught:
        ask(client)
    assert 230 < caught.value.resume_in <= 240
    assert 230 < pause_left(database) <= 240
    assert len(reddit.asked) == 1


def test_a_429_that_asks_for_a_day_is_asked_about_again_after_an_hour(
    client: RedditClient, reddit: FakeReddit, database: Database
) -> None:
    reddit.answer = lambda it: it.send(429, b"<html>", retry_after="86400")
    with pytest.raises(crawl_failures.SlotTooLate) as caught:
        ask(client)
    assert 3_590 < caught.value.resume_in <= 3_600
    assert 3_590 < pause_left(database) <= 3_600


@pytest.mark.parametrize(("gap", "asked"), [(30.5, 1), (0.0, 2)])
def test_a_429_is_not_waited_for_in_place_where_the_next_request_is_far_away(
    client: RedditClient, reddit: FakeReddit, gap: float, asked: int
) -> None:
    def once(it: Exchange) -> None:
        if len(reddit.asked) == 1:
            it.send(429, b"<html>", retry_after="1")
        else:
            it.send(200, ABOUT, **QUICK)

    reddit.answer = once
    if asked == 1:
        with pytest.raises(crawl_failures.Throttled) as caught:
            ask(client, gap=gap)
        assert 0 < caught.value.resume_in <= 1
    else:
        ask(client, gap=gap)
    assert len(reddit.asked) == asked


def test_a_worker_asleep_until_its_slot_wakes_when_told_to_stop(
    client: RedditClient, reddit: FakeReddit, database: Database
) -> None:
    ask(client)
    database.run(lambda conn: reddit_pauses.pause_all(conn, client_id=CLIENT_ID, seconds=20))
    stop = threading.Event()
    ended: list[Exception] = []

    def crawl() -> None:
        try:
            ask(client, stop=stop)
        except Exception as error:  # noqa: BLE001 - the main thread checks it
            ended.append(error)

    thread = threading.Thread(target=crawl)
    thread.start()
    stop.set()
    thread.join(5)
    assert [type(error) for error in ended] == [crawl_failures.Interrupted]
    assert len(reddit.asked) == 1


def test_without_the_database_there_is_no_request(reddit: FakeReddit) -> None:
    gone = Database("postgresql://nobody@127.0.0.1:9/nothing")
    with scripted_server.serve(reddit) as url:
        settings = RedditSettings(CLIENT_ID, "secret", "tests", url, url)
        client = RedditClient(settings, database=gone)
        with pytest.raises(errors.DatabaseUnavailable):
            ask(client)
        client.close()
    gone.close()
    assert reddit.asked == []


def test_the_first_reply_of_a_quick_server_makes_all_threads_quick(
    client: RedditClient, reddit: FakeReddit
) -> None:
    """With slots at the default pace, the last thread would start after ten seconds."""
    threads = [threading.Thread(target=ask, args=(client,)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(4)
    assert len(reddit.asked) == 16


@pytest.mark.parametrize("name", ["python\n", "../api", "a?b", "", "x" * 22, "pyth\u00f6n"])
def test_a_name_that_is_none_never_gets_into_an_address(
    client: RedditClient, reddit: FakeReddit, name: str
) -> None:
    with pytest.raises(errors.InvalidSubredditName):
        ask(client, name)
    assert reddit.asked == []


def test_an_id_that_is_none_never_gets_into_an_address(client: RedditClient) -> None:
    stop = threading.Event()
    with pytest.raises(crawl_failures.BadRequest):
        endpoints.tree(requester_of(client, stop), post_id="../about", max_depth=3)
    with pytest.raises(crawl_failures.BadRequest):
        endpoints.history(requester_of(client, stop), name="../about")
    with pytest.raises(crawl_failures.BadRequest):
        endpoints.more_children(requester_of(client, stop), post_id="abc", comment_ids=["a,b"])
