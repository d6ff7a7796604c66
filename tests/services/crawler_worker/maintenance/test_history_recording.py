"""Workers count their requests to Reddit by source, and together write one row a minute."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from crawler_worker.maintenance import history_recording
from crawler_worker.maintenance.history_recording import HistoryRecording
from crawler_worker.reddit import crawl_failures, endpoints
from crawler_worker.reddit.client import RedditClient
from crawler_worker.reddit.request_context import RequestContext
from crawler_worker.reddit.request_tally import RequestTally
from crawler_worker.reddit.requester import Requester
from crawljobs import errors
from crawljobs.db.database import Database
from crawljobs.domain.job import JobSource
from crawljobs.repository.history import sent_requests
from crawljobs.settings import RedditSettings
from support import reddit_sandbox, scripted_server
from support.crawls import Crawler
from support.scripted_server import Exchange

REPLIES = {"python": 200, "busy": 429, "broken": 503}


@pytest.fixture
def client(database: Database) -> Iterator[RedditClient]:
    """Yield a client of a server whose replies have the status in REPLIES."""

    def answer(it: Exchange) -> None:
        if "access_token" in it.path:
            it.send(200, b'{"access_token": "t", "expires_in": 86400, "token_type": "bearer"}')
            return
        status = next((REPLIES[name] for name in REPLIES if name in it.path), 200)
        it.send(status, b'{"kind": "t5", "data": {"display_name": "python"}}')

    with scripted_server.serve(answer) as url:
        settings = RedditSettings("me", "secret", "tests", url, url)
        opened = RedditClient(settings, database=database, try_again_seconds=0.01)
        yield opened
        opened.close()


def test_requests_are_counted_by_source_and_failed_replies_by_kind(
    client: RedditClient, database: Database
) -> None:
    stopped = threading.Event()
    user = Requester(client, RequestContext(stopped, source=JobSource.USER))
    upkeep = Requester(client, RequestContext(stopped, gap=31))  # a long gap: no second try
    endpoints.about(user, name="python")
    with pytest.raises(crawl_failures.UpstreamTrouble):
        endpoints.about(user, name="broken")
    with pytest.raises(crawl_failures.Throttled):
        endpoints.about(upkeep, name="busy")
    recording = HistoryRecording(database, tally=client.tally, client_id="me")
    recording.run()
    recording.run()  # nothing is added twice
    query = text("SELECT * FROM budget_history WHERE requests_user + requests_upkeep > 0")
    with database.begin() as conn:
        rows = conn.execute(query).all()
    assert {row.client_id for row in rows} == {"me"}
    found = {name: sum(row._mapping[name] for row in rows) for name in sent_requests.COUNTED}
    assert found == {
        **dict.fromkeys(sent_requests.COUNTED, 0),
        "requests_user": 4,  # one, and three tries
        "requests_upkeep": 1,
        "failures": 3,
        "throttled": 1,
    }


def test_a_crawl_counts_its_requests_under_the_source_of_its_job(database: Database) -> None:
    with reddit_sandbox.serve("--rate-limit", 10_000_000) as sandbox:
        crawler = Crawler(database, sandbox.url)
        crawler.crawl("python", source=JobSource.SCHEDULE)
    assert set(crawler.counted) == {"requests_schedule"}
    assert crawler.counted["requests_schedule"] == crawler.checkpoint()["requests"] > 1
    assert {f"requests_{source}" for source in JobSource} < set(sent_requests.COUNTED)


def test_counts_that_cannot_be_stored_are_kept(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tally = RequestTally()
    tally.sent("user")
    monkeypatch.setattr(sent_requests, "add", _refuse)
    with pytest.raises(errors.DatabaseUnavailable):
        HistoryRecording(database, tally=tally, client_id="me").run()
    assert tally.take() == {"requests_user": 1}


def _refuse(*_: object, **__: object) -> None:
    raise errors.DatabaseUnavailable("stopped")


def test_two_workers_at_once_write_one_row_and_none_in_the_same_minute(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_recording, "TURN", timedelta(0))
    workers = [threading.Thread(target=HistoryRecording(database).run) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(20)
    query = text(
        "SELECT count(*), max(at) - min(at) AS span, now() - max(at) AS age FROM queue_history"
    )
    with database.begin() as conn:
        found = conn.execute(query).one()
    # A new minute can begin during the test.
    assert found.count == 1 + found.span / timedelta(minutes=1)
    assert timedelta(seconds=60) <= found.age <= timedelta(seconds=130)
