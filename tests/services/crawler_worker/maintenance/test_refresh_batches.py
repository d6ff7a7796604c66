"""The sizes of the refresher's batches, and the turns between them."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import structlog
from sqlalchemy import text

from crawler_worker.maintenance.refresher import Refresher
from crawler_worker.reddit import crawl_failures
from crawljobs.db.database import Database
from support import crawled, scripted_server
from support.refreshers import refresher_of
from support.scripted_server import Exchange

BAD = "t3_a000"


class Reddit:
    """Finds each batch with the item BAD too large. Of other batches it shows no item."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def __call__(self, it: Exchange) -> None:
        if it.path.startswith("/api/v1/access_token"):
            it.send(200, b'{"access_token": "t", "expires_in": 86400}')
            return
        (names,) = parse_qs(urlsplit(it.path).query)["id"]
        self.batches.append(names.split(","))
        empty = {"kind": "Listing", "data": {"children": [], "after": None}}
        it.send(413 if BAD in names else 200, json.dumps(empty).encode())


@pytest.fixture
def reddit() -> Reddit:
    return Reddit()


@pytest.fixture
def pair(database: Database, reddit: Reddit) -> Iterator[list[Refresher]]:
    """Refreshers of two workers, and 164 posts that are due in the order of their ids."""
    with database.begin() as conn:
        crawled.store(conn, *(crawled.post(f"a{number:03}") for number in range(164)))
        conn.execute(
            text("UPDATE posts SET refresh_due_at = now() - interval '1 hour' "
                 "+ substr(id, 2)::int * interval '1 second'")
        )  # fmt: skip
    with (
        scripted_server.serve(reddit) as url,
        refresher_of(database, url) as first,
        refresher_of(database, url) as second,
    ):
        yield [first, second]


def let_pass(database: Database, seconds: float) -> None:
    with database.begin() as conn:
        conn.execute(
            text("UPDATE maintenance_runs SET last_run_at = last_run_at "
                 "- make_interval(secs => :seconds)"),
            {"seconds": seconds},
        )  # fmt: skip


def test_a_batch_is_halved_until_the_bad_item_is_alone_and_then_grows_again(
    database: Database, reddit: Reddit, pair: list[Refresher]
) -> None:
    refresher, _ = pair
    given_up: list[Any] = []
    for _ in range(15):
        with (
            structlog.testing.capture_logs() as logged,
            contextlib.suppress(crawl_failures.TooLarge),
        ):
            refresher.run_once()
        given_up += [line for line in logged if line["event"] == "refresh.given_up"]
        let_pass(database, 60)
    sizes = [len(names) for names in reddit.batches]
    assert sizes == [100, 50, 25, 12, 6, 3, 1, 1, 2, 4, 8, 16, 32, 64, 36]
    (line,) = given_up
    assert (line["name"], line["log_level"]) == (BAD, "warning")
    assert line["reason"]
    with database.begin() as conn:
        due = text("SELECT count(*) FROM posts WHERE refresh_due_at <= now()")
        assert conn.execute(due).scalar_one() == 0


def test_the_next_batch_of_any_worker_follows_six_seconds_after_the_last(
    database: Database, reddit: Reddit, pair: list[Refresher]
) -> None:
    with database.begin() as conn:
        conn.execute(text("UPDATE posts SET refresh_due_at = NULL WHERE id = 'a000'"))
    first, second = pair
    assert first.run_once() == 100
    for seconds, refresher, refreshed in ((0, second, 0), (1, first, 0), (5, second, 63)):
        let_pass(database, seconds)
        assert refresher.run_once() == refreshed
    assert [len(names) for names in reddit.batches] == [100, 63]


def test_after_a_batch_another_thread_may_read_a_large_reply(
    pair: list[Refresher], monkeypatch: pytest.MonkeyPatch
) -> None:
    refresher, _ = pair
    calls: list[str] = []
    monkeypatch.setattr(refresher._client, "forget_reply", lambda: calls.append("forget"))
    with pytest.raises(crawl_failures.TooLarge):
        refresher.run_once()
    assert calls == ["forget"]


def test_a_worker_can_end_while_its_refresher_runs(pair: list[Refresher]) -> None:
    assert [refresher.daemon for refresher in pair] == [True, True]
