"""The refresher requests stored items again when they are 36 hours and 7 days old."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from crawler_worker.maintenance import refresher as refreshing
from crawler_worker.maintenance.refresher import Refresher
from crawler_worker.reddit import crawl_failures
from crawljobs import errors
from crawljobs.db.database import Connection, Database
from crawljobs.domain.content_history import ContentHistory
from crawljobs.repository.content import refreshes
from crawljobs.repository.queue import queue_pauses
from support import crawled, reddit_sandbox, refreshers, scripted_server
from support.crawls import DEFAULTS, Crawler
from support.jobs import T0
from support.reddit_sandbox import RunningSandbox
from support.refreshers import our_turn, refresher_of
from support.scripted_server import Exchange

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with reddit_sandbox.serve("--rate-limit", 10_000_000) as running:
        yield running


LONG_AGO = "UPDATE maintenance_runs SET last_run_at = last_run_at - interval '10 seconds'"


def due(conn: Connection, item_id: str, table: str = "posts") -> Any:
    query = text(f"SELECT refresh_due_at FROM {table} WHERE id = :id")
    return conn.execute(query, {"id": item_id}).scalar_one()


def test_an_item_is_due_at_36_hours_and_at_7_days_of_its_own_age(conn: Connection) -> None:
    now = conn.execute(text("SELECT clock_timestamp()")).scalar_one()
    for item_id, age in (("new", 0 * HOUR), ("older", 2 * DAY), ("old", 8 * DAY)):
        crawled.store(conn, crawled.post(item_id, created_at=now - age))
        crawled.store(conn, crawled.comment(item_id, created_at=now - age))
    for table in ("posts", "comments"):
        assert due(conn, "new", table) == now + 36 * HOUR
        assert due(conn, "older", table) == now - 2 * DAY + 7 * DAY
        assert due(conn, "old", table) is None


def test_what_was_looked_at_is_due_once_more_and_then_never(conn: Connection) -> None:
    now = conn.execute(text("SELECT clock_timestamp()")).scalar_one()
    crawled.store(conn, crawled.post("a", created_at=now))
    assert refreshes.due(conn, at_most=10, now=now + 35 * HOUR) == []
    assert refreshes.due(conn, at_most=10, now=now + 37 * HOUR) == ["t3_a"]
    refreshes.settle(conn, names=["t3_a"], now=now + 37 * HOUR)
    assert due(conn, "a") == now + 7 * DAY
    refreshes.settle(conn, names=["t3_a"], now=now + 7 * DAY)
    assert due(conn, "a") is None


def test_the_longest_due_come_first_posts_and_comments_alike(conn: Connection) -> None:
    now = conn.execute(text("SELECT clock_timestamp()")).scalar_one()
    crawled.store(conn, crawled.post("b", created_at=now - 2 * HOUR))
    crawled.store(conn, crawled.comment("c", created_at=now - 3 * HOUR))
    crawled.store(conn, crawled.post("d", created_at=now - 1 * HOUR))
    later = now + 36 * HOUR
    assert refreshes.due(conn, at_most=2, now=later) == ["t1_c", "t3_b"]


def test_nothing_is_looked_at_while_everything_is_paused(conn: Connection) -> None:
    crawled.store(conn, crawled.post("a", created_at=T0))
    later = T0 + 40 * HOUR
    conn.execute(text("UPDATE posts SET refresh_due_at = :at"), {"at": T0})
    queue_pauses.pause(conn, scope=queue_pauses.EVERYTHING, reason="x", paused_by="me", now=T0)
    assert refreshes.due(conn, at_most=10, now=later) == []
    queue_pauses.resume(conn, scope=queue_pauses.EVERYTHING, now=later)
    assert refreshes.due(conn, at_most=10, now=later) == ["t3_a"]


def test_scores_edits_and_deletions_at_reddit_are_taken_over(
    database: Database, sandbox: RunningSandbox
) -> None:
    history = ContentHistory(scores=DAY, counts=DAY)
    crawler = Crawler(database, sandbox.url, replace(DEFAULTS, history=history))
    crawler.crawl("tiny_town")
    (look,) = crawler.rows("SELECT * FROM subreddit_counts WHERE active IS NOT NULL")
    assert look.subscribers > look.active > 0
    post, *_ = crawler.rows("SELECT id FROM posts WHERE author_id IS NOT NULL AND body > ''")
    comment, *_ = crawler.rows("SELECT id FROM comments WHERE author_id IS NOT NULL ORDER BY id")
    before = crawler.contents()
    crawler.rows("UPDATE posts SET score = -1, refresh_due_at = now() RETURNING id")
    crawler.rows("UPDATE comments SET score = -1, refresh_due_at = now() RETURNING id")
    for name in (f"t3_{post.id}", f"t1_{comment.id}"):
        assert sandbox.http.post("/sandbox/delete", json={"name": name}).status_code == 200
    crawler.rows(
        "UPDATE post_scores SET score = -1, seen_at = seen_at - interval '1 h' RETURNING 1"
    )
    with refresher_of(
        database, sandbox.url, crawl=replace(refreshers.CRAWL, history=history)
    ) as refresher:
        while refresher.run_once():
            our_turn(database)
    kept = {row[0]: row for row in before["posts"] if row[0] != post.id}
    after = {row[0]: row for row in crawler.contents()["posts"]}
    assert {key: after[key] for key in kept} == kept
    (gone,) = crawler.rows("SELECT * FROM posts WHERE id = :id", id=post.id)
    assert (gone.author_id, gone.title, gone.body, gone.url) == (None,) * 4
    assert gone.deleted_at is not None
    (silent,) = crawler.rows("SELECT * FROM comments WHERE id = :id", id=comment.id)
    assert (silent.author_id, silent.body) == (None, None)
    assert silent.parent_id is not None
    assert crawler.value("SELECT count(*) FROM posts WHERE score = -1 AND deleted_at IS NULL") == 0
    assert crawler.value("SELECT count(*) FROM posts WHERE refresh_due_at <= now()") == 0
    looks = "SELECT count(*) FROM post_scores WHERE score >= 0"
    shown = "SELECT count(*) FROM posts WHERE deleted_at IS NULL"
    assert crawler.value(looks) == crawler.value(shown)


class Silent:
    """A Reddit that knows none of the items, or that answers with an error status."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.asked: list[str] = []

    def __call__(self, it: Exchange) -> None:
        if it.path.startswith("/api/v1/access_token"):
            it.send(200, b'{"access_token": "t", "expires_in": 86400}')
            return
        self.asked.append(it.path)
        empty = {"kind": "Listing", "data": {"children": [], "after": None}}
        it.send(self.status, json.dumps(empty).encode())


def store_due(database: Database, count: int) -> None:
    with database.begin() as conn:
        crawled.store(conn, *(crawled.post(f"a{n:03}") for n in range(count)))
        conn.execute(text("UPDATE posts SET refresh_due_at = created_at"))


def test_silence_about_an_item_changes_nothing_and_is_not_asked_about_for_ever(
    database: Database,
) -> None:
    store_due(database, 150)
    silent = Silent()
    with scripted_server.serve(silent) as url, refresher_of(database, url) as refresher:
        assert refresher.run_once() == 100
        assert refresher.run_once() == 0  # the refresher is not due yet
        our_turn(database)
        assert refresher.run_once() == 50
        our_turn(database)
        assert refresher.run_once() == 0
    assert len(silent.asked) == 2
    with database.begin() as conn:
        assert conn.execute(text("SELECT count(*) FROM posts WHERE title IS NULL")).scalar() == 0


def run_until_quiet(database: Database, refresher: Refresher) -> None:
    for _ in range(100):
        with contextlib.suppress(crawl_failures.CrawlFailure, DBAPIError):
            if refresher.run_once() == 0:
                return
        our_turn(database)
    pytest.fail("there was always something due")


# Only a few items get 503, because more than nine failures would open the circuit breaker.
@pytest.mark.parametrize(
    ("status", "count", "spoils"), [(400, 120, "t3_a042"), (413, 3, "t3_a000"), (503, 3, "t3_a002")]
)
def test_an_item_that_spoils_its_batch_is_given_up_and_the_others_are_refreshed(
    database: Database, status: int, count: int, spoils: str
) -> None:
    store_due(database, count)

    class Spoilt(Silent):
        def __call__(self, it: Exchange) -> None:
            self.status = status if spoils in it.path else 200
            super().__call__(it)

    spoilt = Spoilt()
    with (
        scripted_server.serve(spoilt) as url,
        refresher_of(database, url) as refresher,
        structlog.testing.capture_logs() as told,
    ):
        run_until_quiet(database, refresher)
    (line,) = [line for line in told if line["event"] == "refresh.given_up"]
    assert line["name"] == spoils
    with database.begin() as conn:
        query = text("SELECT count(*) FROM posts WHERE refresh_due_at IS NOT NULL")
        assert conn.execute(query).scalar_one() == 0


def test_an_item_that_cannot_be_stored_is_given_up_too(
    database: Database, sandbox: RunningSandbox
) -> None:
    crawler = Crawler(database, sandbox.url, DEFAULTS)
    crawler.crawl("tiny_town")
    cursed = crawler.value("SELECT min(id) FROM posts WHERE author_id IS NOT NULL")
    crawler.rows("UPDATE comments SET refresh_due_at = NULL RETURNING id")
    crawler.rows("UPDATE posts SET score = -1, refresh_due_at = now() RETURNING id")
    with database.begin() as conn:
        curse = f"ALTER TABLE posts ADD CHECK (id <> '{cursed}' OR score = -1)"
        conn.execute(text(curse))
    with refresher_of(database, sandbox.url) as refresher:
        run_until_quiet(database, refresher)
    assert crawler.rows("SELECT id FROM posts WHERE score = -1") == [(cursed,)]


def test_no_other_worker_asks_for_the_same_batch_while_one_waits_for_its_reply(
    database: Database,
) -> None:
    store_due(database, 5)
    others: list[int] = []

    class Slow(Silent):
        def __call__(self, it: Exchange) -> None:
            if it.path.startswith("/api/info") and not others:
                # The time since the last run is longer than the refresher's interval.
                with database.begin() as conn:
                    conn.execute(text(LONG_AGO))
                others.append(other.run_once())
            super().__call__(it)

    silent = Slow()
    with (
        scripted_server.serve(silent) as url,
        refresher_of(database, url) as refresher,
        refresher_of(database, url) as other,
    ):
        assert refresher.run_once() == 5
    assert others == [0]
    assert len(silent.asked) == 1


def test_a_batch_that_is_refused_for_no_fault_of_its_own_is_due_again(
    database: Database,
) -> None:
    store_due(database, 1)
    with (
        scripted_server.serve(Silent(403)) as url,
        refresher_of(database, url) as refresher,
        pytest.raises(crawl_failures.CrawlFailure),
    ):
        refresher.run_once()
    with database.begin() as conn:
        query = text("SELECT count(*) FROM posts WHERE refresh_due_at IS NOT NULL")
        assert conn.execute(query).scalar_one() == 1


class Waits:
    """Stands for the event that stops the thread. Records each pause, and is set after three."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.seconds.append(seconds)
        return len(self.seconds) > 2

    def set(self) -> None: ...


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (crawl_failures.Outage("Reddit is away", resume_in=9), "refresh.postponed"),
        (errors.DatabaseUnavailable("the database is away"), "refresh.postponed"),
        (ZeroDivisionError("a bug"), "refresh.failed"),
        (crawl_failures.Interrupted("told to stop"), None),
        (None, None),
    ],
)
def test_trouble_is_logged_and_followed_by_a_longer_pause(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception | None,
    line: str | None,
) -> None:
    troubles = [error]

    def once() -> int:
        if troubles and (trouble := troubles.pop()):
            raise trouble
        return 0

    with scripted_server.serve(Silent()) as url, refresher_of(database, url) as refresher:
        waits = Waits()
        monkeypatch.setattr(refresher, "_stopping", waits)
        monkeypatch.setattr(refresher, "run_once", once)
        with structlog.testing.capture_logs() as told:
            refresher.run()
    usual, longer = refreshing.FIRST_PAUSE.total_seconds(), refreshing.PAUSE_AFTER_ERROR_SECONDS
    assert [one["event"] for one in told] == ([line] if line else [])
    if isinstance(error, crawl_failures.Interrupted):
        assert waits.seconds == [usual]
    else:
        assert waits.seconds == [usual, longer if line else usual, usual]
    assert [one.get("reason") for one in told if one["event"] == "refresh.postponed"] == (
        [str(error)] if line == "refresh.postponed" else []
    )


def test_the_thread_ends_when_it_is_told_to(database: Database) -> None:
    with scripted_server.serve(Silent()) as url, refresher_of(database, url) as refresher:
        refresher.start()
        refresher.stop()
        refresher.join(5)
        assert not refresher.is_alive()


def test_a_look_is_logged_with_what_was_asked_for_and_shown(
    database: Database, sandbox: RunningSandbox
) -> None:
    Crawler(database, sandbox.url, DEFAULTS).crawl("tiny_town")
    with database.begin() as conn:
        conn.execute(text("UPDATE posts SET refresh_due_at = NULL"))
        conn.execute(text("UPDATE comments SET refresh_due_at = NULL"))
        query = "UPDATE posts SET refresh_due_at = now() WHERE id IN (SELECT id FROM posts LIMIT 2)"
        conn.execute(text(query))
        crawled.store(conn, crawled.post("zzzzzz", created_at=T0))
        conn.execute(text("UPDATE posts SET refresh_due_at = now() WHERE id = 'zzzzzz'"))
    with (
        refresher_of(database, sandbox.url) as refresher,
        structlog.testing.capture_logs() as told,
    ):
        assert refresher.run_once() == 3
    (line,) = [line for line in told if line["event"] == "items.refreshed"]
    assert (line["asked"], line["shown"], line["log_level"]) == (3, 2, "info")


def test_trouble_is_logged_and_the_next_look_comes_after_a_longer_pause(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = [
        errors.DatabaseUnavailable("down"),
        crawl_failures.UpstreamTrouble("503"),
        ZeroDivisionError("odd"),
        None,
        crawl_failures.Interrupted("stop"),
    ]
    pauses: list[float] = []
    with (
        refresher_of(database, "http://127.0.0.1:1") as refresher,
        structlog.testing.capture_logs() as told,
    ):

        def run_once() -> int:
            fault = faults.pop(0)
            if fault is not None:
                raise fault
            return 0

        def wait(seconds: float) -> bool:
            pauses.append(seconds)
            return False

        monkeypatch.setattr(refresher, "run_once", run_once)
        monkeypatch.setattr(refresher._stopping, "wait", wait)
        refresher.run()
    assert pauses == [1.0, 60.0, 60.0, 60.0, 1.0]
    events = [(line["event"], line.get("reason")) for line in told]
    assert events == [
        ("refresh.postponed", "down"),
        ("refresh.postponed", "503"),
        ("refresh.failed", None),
    ]
