"""The walk requests all stored items again, in the order of an index, within its share."""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import structlog
from sqlalchemy import text

from crawler_worker.maintenance.refresher import Refresher
from crawler_worker.reddit import crawl_failures
from crawljobs.db.database import Connection, Database
from crawljobs.repository import index_order
from crawljobs.repository.content.deletion_checks import deletion_walk, item_scan
from crawljobs.repository.content.deletion_checks.deletion_walk import Position, Step
from crawljobs.repository.queue import queue_pauses
from crawljobs.repository.reddit_api import budget_pace
from support import crawled, plans, reddit_sandbox, refreshers, scripted_server
from support.crawls import DEFAULTS, Crawler
from support.jobs import T0
from support.reddit_sandbox import RunningSandbox
from support.refreshers import MONTHLY, our_turn, refresher_of
from support.scripted_server import Exchange

DAY = timedelta(days=1)
THREE_DAYS_LATER = """
    UPDATE omitted_items SET counted_at = counted_at - interval '3 days',
        next_look_at = next_look_at - interval '3 days' RETURNING 1"""


class Reddit:
    """Shows none of the items. Records the requested names; answers `status` if one is `bad`."""

    def __init__(self, bad: str = "-", status: int = 413) -> None:
        self.bad, self.status = bad, status
        self.batches: list[list[str]] = []

    def __call__(self, it: Exchange) -> None:
        if it.path.startswith("/api/v1/access_token"):
            it.send(200, b'{"access_token": "t", "expires_in": 86400}')
            return
        (names,) = parse_qs(urlsplit(it.path).query)["id"]
        self.batches.append(names.split(","))
        empty = {"kind": "Listing", "data": {"children": [], "after": None}}
        it.send(self.status if self.bad in names else 200, json.dumps(empty).encode())


def age(database: Database, days: int = 31) -> None:
    """Let the last walk and all looks at items be this many days ago."""
    with database.begin() as conn:
        deletion_walk.position(conn, every=None, share=0.1)
        for statement in (
            "UPDATE deletion_walk SET unchecked_since = now() - make_interval(days => :days)",
            "UPDATE posts SET checked_at = now() - make_interval(days => :days)",
            "UPDATE posts SET refresh_due_at = NULL",
            "UPDATE comments SET checked_at = now() - make_interval(days => :days)",
            "UPDATE comments SET refresh_due_at = NULL",
        ):
            conn.execute(text(statement), {"days": days})


def omit(sandbox: RunningSandbox, post_id: str, *, omitted: bool) -> None:
    body = {"name": f"t3_{post_id}", "omitted": omitted}
    assert sandbox.http.post("/sandbox/omit", json=body).status_code == 200


def walk(database: Database) -> Any:
    with database.begin() as conn:
        return conn.execute(text("SELECT * FROM deletion_walk")).one()


def run_out(database: Database, refresher: Refresher) -> int:
    """Run batches until no item is left. Return the number of batches."""
    for batches in range(100):
        our_turn(database)
        with contextlib.suppress(crawl_failures.CrawlFailure):
            if refresher.run_once() == 0:
                return batches
    pytest.fail("there was always another batch")


@pytest.fixture
def reddit() -> Reddit:
    return Reddit()


@pytest.fixture
def start(database: Database, reddit: Reddit) -> Iterator[Callable[..., Refresher]]:
    """Start refreshers on 250 posts and 120 comments of two subreddits, last seen 31 days ago."""
    with database.begin() as conn:
        crawled.store(
            conn,
            *(crawled.post(f"p{number:03}", subreddit="one") for number in range(250)),
            *(crawled.comment(f"c{number:03}", subreddit="two") for number in range(120)),
        )
    age(database)
    with scripted_server.serve(reddit) as url, contextlib.ExitStack() as stack:

        def begin(**options: Any) -> Refresher:
            given = {"checks": MONTHLY, **options}
            return stack.enter_context(refresher_of(database, url, **given))

        yield begin


def test_the_walk_finds_deletions_and_omissions_and_writes_no_unchanged_item(
    database: Database,
) -> None:
    options = ("--rate-limit", 10_000_000)
    with reddit_sandbox.serve(*options) as sandbox:
        crawler = Crawler(database, sandbox.url, DEFAULTS)
        crawler.crawl("tiny_town")
        age(database)
        post = crawler.value("SELECT min(id) FROM posts WHERE author_id IS NOT NULL")
        comment = crawler.value("SELECT min(id) FROM comments WHERE author_id IS NOT NULL")
        for name in (f"t3_{post}", f"t1_{comment}"):
            assert sandbox.http.post("/sandbox/delete", json={"name": name}).status_code == 200
        lost = crawler.value("SELECT max(id) FROM posts WHERE author_id IS NOT NULL")
        stored = "SELECT title, body, author_id, deleted_at, removed_by_category FROM posts"
        kept = crawler.rows(f"{stored} WHERE id = :id", id=lost)
        omit(sandbox, lost, omitted=True)
        versions = """
            SELECT id, xmin::text FROM posts WHERE id <> :post
            UNION ALL SELECT id, xmin::text FROM comments WHERE id <> :comment ORDER BY 1"""
        before = crawler.rows(versions, post=post, comment=comment)
        began = crawler.value("SELECT clock_timestamp()")
        with refresher_of(database, sandbox.url, checks=MONTHLY) as refresher:
            assert run_out(database, refresher) >= 2
            unwritten = crawler.rows(versions, post=post, comment=comment)
            found = walk(database)
            for _ in range(2):
                crawler.rows(THREE_DAYS_LATER)
                run_out(database, refresher)
            (gone,) = crawler.rows(f"{stored} WHERE id = :id", id=lost)
            assert (*gone[:3], gone.removed_by_category) == (None, None, None, "omitted")
            assert gone.deleted_at > began
            omit(sandbox, lost, omitted=False)
            age(database)
            run_out(database, refresher)
            assert crawler.rows(f"{stored} WHERE id = :id", id=lost) == kept
    assert unwritten == before
    gone = "SELECT author_id, body FROM {} WHERE deleted_at >= :began"
    for table in ("posts", "comments"):
        assert crawler.rows(gone.format(table), began=began) == [(None, None)]
    assert found.started_at is None
    assert found.unchecked_since >= began, "the start of the walk that has ended"


def test_each_item_is_requested_once_in_a_walk_and_then_no_more_for_30_days(
    database: Database, reddit: Reddit, start: Callable[..., Refresher]
) -> None:
    with database.begin() as conn:
        conn.execute(text("UPDATE posts SET deleted_at = now() WHERE id = 'p001'"))
        conn.execute(text("UPDATE posts SET checked_at = now() + interval '1 d' WHERE id = 'p002'"))
    refresher = start()
    run_out(database, refresher)
    expected = [f"t3_p{number:03}" for number in range(250) if number not in (1, 2)]
    expected += [f"t1_c{number:03}" for number in range(120)]
    assert [name for batch in reddit.batches for name in batch] == expected
    assert [len(batch) for batch in reddit.batches] == [100, 100, 100, 68]
    age(database, days=29)
    assert run_out(database, refresher) == 0
    age(database, days=30)
    assert run_out(database, refresher) == 4


def test_a_step_passes_items_that_need_no_look_in_parts(
    database: Database, start: Callable[..., Refresher], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part of 10 rows, and 3 parts a step: the step ends at a position between the items."""
    monkeypatch.setattr(item_scan, "SCANS", 3)
    monkeypatch.setattr(item_scan, "SCAN", 10)
    monkeypatch.setattr(
        item_scan,
        "SCAN_OF",
        {table.name: item_scan._scan(table) for table in (item_scan.posts, item_scan.comments)},
    )
    with database.begin() as conn:
        conn.execute(text("UPDATE posts SET deleted_at = now() WHERE id NOT IN ('p035', 'p249')"))
        at = deletion_walk.position(conn, every=DAY, share=0.1)
        steps: list[Step] = []
        while at is not None and at.table == "posts":
            step = item_scan.next_step(conn, before=at, at_most=5)
            assert deletion_walk.advance(conn, step)
            steps.append(step)
            at = step.after
    found = [name for step in steps for name in step.names]
    assert [name for name in found if name.startswith("t3")] == ["t3_p035", "t3_p249"]
    assert len(steps) == 9


def test_a_stale_step_does_not_move_the_walk(
    database: Database, start: Callable[..., Refresher]
) -> None:
    """A worker that stopped for longer than its turn comes back after another one went on."""
    with database.begin() as conn:
        for _ in range(2):
            before = deletion_walk.position(conn, every=DAY, share=0.1)
            assert before is not None
            step = item_scan.next_step(conn, before=before, at_most=10)
            assert deletion_walk.advance(conn, step)
            assert not deletion_walk.advance(conn, step)
            assert not deletion_walk.advance(conn, Step([], before, None))
            assert deletion_walk.position(conn, every=DAY, share=0.1) == step.after
        assert step.after is not None
        stale = Step([], replace(step.after, walk=step.after.walk - DAY), None)
        assert not deletion_walk.advance(conn, stale), "a step of an earlier walk"


def test_refreshes_come_first_and_leave_a_quarter_of_the_batches_to_the_walk(
    database: Database, reddit: Reddit, start: Callable[..., Refresher]
) -> None:
    with database.begin() as conn:
        crawled.store(conn, *(crawled.post(f"r{number:03}") for number in range(900)))
        due = "UPDATE posts SET refresh_due_at = now() WHERE id LIKE 'r%'"
        conn.execute(text(due))
    with structlog.testing.capture_logs() as logged:
        run_out(database, start())
    kinds = [line["reason"][0] for line in logged if line["event"] == "items.refreshed"]
    assert "".join(kinds) == "rrrwrrrwrrrwwwwwwwwwww"


@pytest.mark.parametrize("bad", ["t3_p120", "t1_c119"])
def test_an_item_that_spoils_its_batch_is_passed(
    database: Database, reddit: Reddit, start: Callable[..., Refresher], bad: str
) -> None:
    reddit.bad = bad
    run_out(database, start())
    good = [name for batch in reddit.batches if bad not in batch for name in batch]
    assert len(good) == len(set(good)) == 369
    assert [bad] in reddit.batches
    assert walk(database).started_at is None


def test_a_pause_of_the_queue_stops_the_walk(
    database: Database, reddit: Reddit, start: Callable[..., Refresher]
) -> None:
    everything = queue_pauses.EVERYTHING
    with database.begin() as conn:
        queue_pauses.pause(conn, scope=everything, reason="x", paused_by="me", now=T0)
    refresher = start()
    assert run_out(database, refresher) == 0
    with database.begin() as conn:
        queue_pauses.resume(conn, scope=everything)
    assert run_out(database, refresher) == 4


def test_a_failed_request_leaves_the_position(
    database: Database, reddit: Reddit, start: Callable[..., Refresher]
) -> None:
    refresher = start()
    reddit.bad, reddit.status = "t3_p", 503
    with pytest.raises(crawl_failures.UpstreamTrouble):
        refresher.run_once()
    assert walk(database).item_id == ""
    reddit.bad = "-"
    run_out(database, refresher)
    assert len({name for batch in reddit.batches for name in batch}) == 370


def test_the_walk_is_off_at_0_days_and_the_thread_ends_without_any_work(
    database: Database, reddit: Reddit, start: Callable[..., Refresher]
) -> None:
    assert run_out(database, start(checks=refreshers.OFF)) == 0
    assert walk(database).check_days is None
    with database.begin() as conn:
        conn.execute(text("UPDATE posts SET refresh_due_at = now()"))
    our_turn(database)
    assert start(checks=MONTHLY, refreshes_items=False).run_once() == 100
    assert walk(database).check_days == 30
    our_turn(database)
    idle = start(checks=refreshers.OFF, refreshes_items=False)
    idle.start()
    idle.join(20)
    assert not idle.is_alive()
    assert (walk(database).check_days, len(reddit.batches)) == (None, 1)


def test_the_pause_between_requests_follows_from_the_share(
    database: Database, reddit: Reddit, start: Callable[..., Refresher]
) -> None:
    """One request in six seconds at first; each further request of a batch takes six more."""
    refresher = start()
    reddit.bad, reddit.status = "t3_p150", 503

    def has_turn_after(seconds: float) -> bool:
        with database.begin() as conn:
            conn.execute(
                text("UPDATE maintenance_runs SET last_run_at = last_run_at "
                     "- make_interval(secs => :seconds)"),
                {"seconds": seconds},
            )  # fmt: skip
        asked = len(reddit.batches)
        with contextlib.suppress(crawl_failures.CrawlFailure):
            refresher.run_once()
        return len(reddit.batches) > asked

    assert has_turn_after(0)
    assert not has_turn_after(5)
    assert has_turn_after(1.1), "this batch fails, and takes three requests"
    assert len(reddit.batches) == 4
    assert not has_turn_after(17)
    assert has_turn_after(1.1)


@pytest.mark.parametrize(
    ("budget", "share", "seconds"),
    [
        (None, 0.1, 6),
        ((100, 60), 0.1, 6),
        ((600, 600), 1, 1),
        ((10**9, 1), 1, 0.1),
        ((1, 3600), 0.001, 3600),
    ],
)
def test_the_pace_is_a_share_of_the_budget(
    conn: Connection, budget: tuple[int, int] | None, share: float, seconds: float
) -> None:
    if budget is not None:
        insert = (
            "INSERT INTO reddit_budgets (client_id, requests_per_window, window_seconds) "
            "VALUES ('me', :requests, :seconds)"
        )
        conn.execute(text(insert), {"requests": budget[0], "seconds": budget[1]})
    assert budget_pace.interval(conn, client_id="me", share=share) == timedelta(seconds=seconds)


def test_the_first_walk_begins_when_the_oldest_subreddit_is_30_days_old(conn: Connection) -> None:
    now = datetime.now(UTC)
    crawled.store(conn, crawled.post("a", subreddit="old"))
    crawled.store(conn, crawled.post("b", subreddit="new"))
    conn.execute(
        text("UPDATE subreddits SET first_seen_at = :at WHERE name = 'old'"), {"at": now - 29 * DAY}
    )
    monthly = {"every": 30 * DAY, "share": 0.1}
    assert deletion_walk.position(conn, now=now, **monthly) is None
    found = deletion_walk.position(conn, now=now + DAY, **monthly)
    assert found == Position(now + DAY, "posts", 0, deletion_walk.FIRST_TIME, "")


def test_the_walk_reads_indexes_alone_and_few_rows(database: Database) -> None:
    fill = """
        INSERT INTO subreddits (name) SELECT 'sub' || n FROM generate_series(1, 3000) AS n;
        INSERT INTO posts (id, subreddit_id, created_at)
        SELECT 'p' || id, id, now() FROM subreddits;
        INSERT INTO comments (id, post_id, parent_id, subreddit_id, created_at)
        SELECT 'c' || id, 'p' || id, 't3_p' || id, id, now() FROM subreddits;
        INSERT INTO deletion_walk (unchecked_since) VALUES (now());
        ANALYZE subreddits, posts, comments"""
    at = Position(T0, "posts", 500, T0, "p1")
    with database.begin() as conn:
        for statement in fill.split(";"):
            conn.execute(text(statement))
        index_order.follow(conn)
        values = {
            **at.values(), "at_most": 100, "now": None, "days": 30, "share": 0.1,
            "to_table": "posts", "to_subreddit": 1, "to_time": T0, "to_item": "p",
        }  # fmt: skip
        for name, statement in {
            "create": deletion_walk.CREATE,
            "posts": item_scan.SCAN_OF["posts"],
            "comments": item_scan.SCAN_OF["comments"],
        }.items():
            used = {k: v for k, v in values.items() if k in statement.compile().params}
            nodes = plans.generic_plan(conn, statement, used)
            assert plans.tables_scanned(nodes) == [], name
            assert "Sort" not in {node["Node Type"] for node in nodes}, name
            if name != "create":
                assert plans.rows_read(conn, statement, used, table=name) <= 110
