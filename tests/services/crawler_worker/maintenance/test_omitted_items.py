"""Items that Reddit's replies leave out are deleted after three omissions, and come back."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import structlog
from sqlalchemy import text

from crawler_worker.maintenance import item_batches
from crawler_worker.maintenance.item_batches import ItemBatches
from crawler_worker.maintenance.refresher import Refresher
from crawler_worker.reddit.items import comment_parsing, post_parsing
from crawljobs.db.database import Connection, Database
from crawljobs.domain.reddit_items import OMITTED
from crawljobs.repository import index_order
from crawljobs.repository.content.deletion_checks import (
    deletion_walk,
    omission_looks,
    omission_marks,
    omitted_items,
)
from crawljobs.repository.content.deletion_checks.omitted_items import Counted
from support import crawled, plans, refreshers, scripted_reddit, scripted_server
from support.refreshers import MONTHLY, our_turn, refresher_of
from support.shown_items import ShowingReddit

DAY = timedelta(days=1)
POSTS, COMMENTS = range(100, 112), range(200, 203)
NAMES = [f"t3_p{n}" for n in POSTS] + [f"t1_c{n}" for n in COMMENTS]
LOST = ["t1_c200", "t3_p103"]


def fill(conn: Connection) -> None:
    """Store items of r/python, which a crawl read just now as public."""
    crawled.store(
        conn,
        *(crawled.post(f"p{n}") for n in POSTS),
        *(crawled.comment(f"c{n}") for n in COMMENTS),
    )
    conn.execute(text("UPDATE subreddits SET access = 'public', access_checked_at = now()"))
    deletion_walk.position(conn, every=None, share=0.1)
    for table in ("posts", "comments"):
        old = "checked_at = now() - interval '100 days', refresh_due_at = NULL"
        conn.execute(text(f"UPDATE {table} SET {old}"))


def let_pass(database: Database, days: int, *, walk: bool = False) -> None:
    """Move the times of omissions back. With `walk`, the next walk is due."""
    with database.begin() as conn:
        conn.execute(
            text("UPDATE omitted_items SET counted_at = counted_at - make_interval(days => :days), "
                 "next_look_at = next_look_at - make_interval(days => :days)"),
            {"days": days},
        )  # fmt: skip
        if walk:
            conn.execute(text("UPDATE deletion_walk SET unchecked_since = now() - interval '31d'"))


def pending(database: Database) -> dict[str, int]:
    with database.begin() as conn:
        rows = conn.execute(text("SELECT name, omissions FROM omitted_items ORDER BY name"))
        return {row.name: row.omissions for row in rows}


def state(database: Database, name: str) -> Any:
    kind, item_id = name.split("_")
    table, body = ("posts", "title") if kind == "t3" else ("comments", "body")
    query = f"""
        SELECT {body} IS NOT NULL AND author_id IS NOT NULL AS has_content,
            deleted_at IS NOT NULL AS is_deleted, removed_by_category AS category
        FROM {table} WHERE id = :id"""
    with database.begin() as conn:
        return tuple(conn.execute(text(query), {"id": item_id}).one())


def run_out(database: Database, refresher: Refresher) -> list[Any]:
    """Run batches until no item is left. Return the log lines of counted omissions."""
    with structlog.testing.capture_logs() as logged:
        for _ in range(20):
            our_turn(database)
            if refresher.run_once() == 0:
                lines = [line for line in logged if line["event"] == "omissions.counted"]
                return [(line["count"], line["deleted"]) for line in lines]
    pytest.fail("there was always another batch")


@pytest.fixture
def reddit() -> ShowingReddit:
    return ShowingReddit()


@pytest.fixture
def start(database: Database, reddit: ShowingReddit) -> Iterator[Callable[..., Refresher]]:
    with database.begin() as conn:
        fill(conn)
    with scripted_server.serve(reddit) as url, contextlib.ExitStack() as stack:

        def begin(**options: Any) -> Refresher:
            given = {"checks": MONTHLY, **options}
            return stack.enter_context(refresher_of(database, url, **given))

        yield begin


def test_three_omissions_delete_an_item_and_a_later_look_restores_it(
    database: Database, reddit: ShowingReddit, start: Callable[..., Refresher]
) -> None:
    refresher = start()
    reddit.omitted = set(LOST)
    let_pass(database, 0, walk=True)
    assert run_out(database, refresher) == [(2, 0)]
    assert pending(database) == dict.fromkeys(LOST, 1)
    asked = len(reddit.batches)
    let_pass(database, 2)
    assert run_out(database, refresher) == []
    assert len(reddit.batches) == asked, "the next look is three days later"
    for count in (2, 3):
        let_pass(database, 1 if count == 2 else 3)
        assert [state(database, name) for name in LOST] == [(True, False, None)] * 2
        assert run_out(database, refresher) == [(2, 2 if count == 3 else 0)]
        assert set(LOST) < set(reddit.batches[-1])
        assert len(reddit.batches[-1]) == 2 + omission_looks.WITNESSES
    assert pending(database) == {}
    assert [state(database, name) for name in LOST] == [(False, True, OMITTED)] * 2
    reddit.omitted = {"t1_c200"}
    let_pass(database, 0, walk=True)
    run_out(database, refresher)
    assert state(database, "t3_p103") == (True, False, None)
    assert state(database, "t1_c200") == (False, True, OMITTED)
    assert pending(database) == {}, "the omissions of a deleted item count no more"


def test_a_look_restores_no_item_that_reached_its_retention(
    database: Database, reddit: ShowingReddit, start: Callable[..., Refresher]
) -> None:
    with database.begin() as conn:
        omission_marks.mark_deleted(conn, ["t3_p103"], now=None)
    let_pass(database, 0, walk=True)
    run_out(database, start(crawl=replace(refreshers.CRAWL, content_retention=DAY)))
    assert ["t3_p103" in batch for batch in reddit.batches] == [True]
    assert state(database, "t3_p103")[:2] == (False, True)


def test_omissions_do_not_count_while_the_walk_is_off_or_a_reply_is_incomplete(
    database: Database, reddit: ShowingReddit, start: Callable[..., Refresher]
) -> None:
    reddit.omitted = {"t3_p103"}
    refresh = "UPDATE posts SET refresh_due_at = now()"
    with database.begin() as conn:
        conn.execute(text(refresh))
    assert run_out(database, start(checks=refreshers.OFF)) == []
    with database.begin() as conn:
        conn.execute(text(refresh))
    reddit.extra = [{"kind": "t3", "data": {"id": "not an id"}}]
    assert run_out(database, start()) == []
    with database.begin() as conn:
        conn.execute(text(refresh))
    reddit.extra = []
    assert run_out(database, start()) == [(1, 0)], "a refresh counts omissions too"


@pytest.mark.parametrize(
    ("change", "shown", "counted"),
    [
        ("UPDATE subreddits SET access = 'public'", ["t3_p101"], 1),
        ("UPDATE subreddits SET access = 'restricted'", ["t1_c200"], 1),
        ("UPDATE subreddits SET access = 'private'", ["t3_p101"], 0),
        ("UPDATE subreddits SET access_checked_at = now() - interval '25 h'", ["t3_p101"], 0),
        ("UPDATE subreddits SET access_checked_at = NULL", ["t3_p101"], 0),
        ("UPDATE posts SET deleted_at = now()", ["t1_c200"], 0),
        ("DELETE FROM posts", ["t1_c200"], 0),
        ("SELECT 1", ["t3_other"], 0),
        ("SELECT 1", [], 0),
    ],
)
def test_an_omission_counts_only_beside_an_item_of_a_subreddit_read_that_day(
    conn: Connection, change: str, shown: list[str], counted: int
) -> None:
    fill(conn)
    crawled.store(conn, crawled.post("other", subreddit="other"))
    conn.execute(text(change))
    asked = ["t3_p100", *shown]
    assert omitted_items.record(conn, asked=asked, shown=shown) == Counted(counted, 0)
    rows = conn.execute(text("SELECT name FROM omitted_items")).scalars().all()
    assert rows == ["t3_p100"] * counted


def test_looks_less_than_three_days_apart_count_once_and_a_sight_begins_again(
    conn: Connection,
) -> None:
    fill(conn)
    now = conn.execute(text("SELECT clock_timestamp()")).scalar_one()

    def look(days: float, *, seen: str = "t3_p101") -> int:
        at = now + days * DAY
        conn.execute(text("UPDATE subreddits SET access_checked_at = :at"), {"at": at})
        omitted_items.record(conn, asked=["t3_p100", "t3_p101"], shown=[seen], now=at)
        query = text("SELECT omissions FROM omitted_items WHERE name = 't3_p100'")
        return conn.execute(query).scalar() or 0

    assert [look(days) for days in (0, 2.9, 3, 5.9)] == [1, 1, 2, 2]
    assert look(6, seen="t3_p100") == 0, "a reply with the item ends the count"
    assert [look(days) for days in (7, 10)] == [1, 2]
    conn.execute(text("UPDATE posts SET checked_at = :at"), {"at": now + 11 * DAY})
    assert look(13) == 1, "a crawl saw the item on day 11"
    assert look(1) == 1, "the clock was set back, so the count begins again"


def test_locked_items_are_marked_at_the_next_look(database: Database) -> None:
    with database.begin() as conn:
        fill(conn)
        conn.execute(
            text("INSERT INTO omitted_items SELECT 't3_p100', id, 2, now() - interval '4 days', "
                 "now() FROM subreddits")
        )  # fmt: skip
    both = {"asked": ["t3_p100", "t3_p101"], "shown": ["t3_p101"]}
    with database.begin() as crawl, database.begin() as conn:
        crawl.execute(text("SELECT 1 FROM posts WHERE id = 'p100' FOR UPDATE"))
        assert omitted_items.record(conn, **both) == Counted(counted=1, marked=0)
    assert pending(database) == {"t3_p100": 3}
    let_pass(database, 4)
    with database.begin() as conn:
        assert omitted_items.record(conn, **both) == Counted(counted=1, marked=1)


def test_a_page_restores_an_omitted_item_and_no_other_deleted_one(conn: Connection) -> None:
    fill(conn)
    before = conn.execute(text("SELECT * FROM posts WHERE id = 'p100'")).one()._asdict()
    omission_marks.mark_deleted(conn, ["t3_p100", "t3_p101", "t3_p102"], now=None)
    crawled.store(conn, crawled.deleted_post("p103"))
    crawled.store(conn, *(crawled.post(f"p{n}") for n in (100, 103)), crawled.deleted_post("p101"))
    crawled.store(conn, crawled.post("p101"))
    old = crawled.post("p102", created_at=crawled.CREATED - DAY)
    crawled.store(conn, old, keeps_from=crawled.CREATED)
    query = (
        "SELECT id, title, deleted_at IS NULL, removed_by_category FROM posts WHERE id = ANY(:ids)"
    )
    ids = ["p100", "p101", "p102", "p103"]
    rows = conn.execute(text(f"{query} ORDER BY id"), {"ids": ids})
    assert [tuple(row) for row in rows] == [
        ("p100", "A title", True, None),
        ("p101", None, False, None),
        ("p102", None, False, None),
        ("p103", None, False, None),
    ]
    after = conn.execute(text("SELECT * FROM posts WHERE id = 'p100'")).one()._asdict()
    moved = {"updated_at", "checked_at"}
    assert {k: v for k, v in after.items() if k not in moved} == {
        k: v for k, v in before.items() if k not in moved
    }
    counts = conn.execute(text("SELECT sum(posts) FROM author_subreddits")).scalar_one()
    assert counts == len(POSTS), "a restored post is not counted twice"


def test_no_reply_can_give_the_category_of_omitted_items() -> None:
    category = {"removed_by_category": OMITTED}
    post = post_parsing.post(scripted_reddit.post("p1", **category)["data"], None)
    comment = comment_parsing.comment(scripted_reddit.comment("c1", **category)["data"], 0)
    assert [found and found.removed_by_category for found in (post, comment)] == ["unknown"] * 2


def test_looks_go_subreddit_by_subreddit_and_others_wait_a_day(conn: Connection) -> None:
    fill(conn)
    crawled.store(
        conn, crawled.post("b1", subreddit="barred"), crawled.post("o1", subreddit="only")
    )
    conn.execute(
        text("UPDATE subreddits SET access = 'public', access_checked_at = now() "
             "WHERE name = 'only'")
    )  # fmt: skip
    add = """
        INSERT INTO omitted_items SELECT 't3_' || id, subreddit_id, 1, now() - interval '9 days',
            now() - interval '1 day' FROM posts WHERE id IN ('p111', 'p110', 'b1', 'o1')"""
    conn.execute(text(add))
    conn.execute(text("UPDATE posts SET deleted_at = now() WHERE id = 'p109'"))
    now: datetime = conn.execute(text("SELECT clock_timestamp()")).scalar_one()
    looks: list[list[str]] = []
    while names := omission_looks.next_looks(conn, at_most=100, now=now):
        looks.append(sorted(names))
        omitted_items.postpone(conn, names=names, now=now)
    witnesses = [f"t3_p{n}" for n in (104, 105, 106, 107, 108)]
    assert sorted(looks) == [["t3_o1"], [*witnesses, "t3_p110", "t3_p111"]]
    times = conn.execute(text("SELECT DISTINCT next_look_at FROM omitted_items")).scalars().all()
    assert times == [now + DAY]
    later = now + DAY
    assert omission_looks.next_looks(conn, at_most=100, now=later) == []
    conn.execute(text("UPDATE subreddits SET access_checked_at = :at"), {"at": later})
    conn.execute(text("UPDATE subreddits SET access = 'public'"))
    chosen = omission_looks.next_looks(conn, at_most=1, now=later + 2 * DAY)
    assert chosen == []
    conn.execute(text("UPDATE omitted_items SET next_look_at = :at"), {"at": now})
    assert len(omission_looks.next_looks(conn, at_most=1, now=later)) == 1


def test_the_walk_and_the_looks_at_omitted_items_take_turns(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(item_batches, "BATCH", 6)
    with database.begin() as conn:
        fill(conn)
        conn.execute(text("UPDATE deletion_walk SET unchecked_since = now() - interval '31 days'"))
        add = """
            INSERT INTO omitted_items SELECT 't3_' || id, subreddit_id, 1,
                now() - interval '9 days', now() FROM posts WHERE id IN ('p100', 'p101')"""
        conn.execute(text(add))
        off = ItemBatches(refreshes_items=True, checks=refreshers.OFF)
        assert off.next(conn) is None, "the checks are off"
        batches = ItemBatches(refreshes_items=True, checks=MONTHLY)
        kinds = []
        while (batch := batches.next(conn)) is not None:
            kinds.append(batch.kind[0])
            batch.settle(conn)
    assert "".join(kinds) == "wowow"


def test_the_statements_read_indexes_alone(database: Database) -> None:
    fill = """
        INSERT INTO subreddits (name, access, access_checked_at)
        SELECT 'sub' || n, 'public', now() FROM generate_series(1, 4000) AS n;
        INSERT INTO posts (id, subreddit_id, created_at)
        SELECT 'p' || id, id, now() FROM subreddits;
        INSERT INTO comments (id, post_id, parent_id, subreddit_id, created_at)
        SELECT 'c' || id, 'p' || id, 't3_p' || id, id, now() FROM subreddits;
        INSERT INTO omitted_items SELECT 't3_' || id, subreddit_id, 1, now(), now() FROM posts;
        ANALYZE subreddits, posts, comments, omitted_items"""
    values = {
        "names": ["t3_p7"], "subreddit_ids": [7], "times": [crawled.CREATED], "item_ids": ["p7"],
        "now": None, "subreddit_id": 7, "at_most": 100,
    }  # fmt: skip
    statements = {
        "forget": omission_marks.FORGET,
        "readable": omitted_items.READABLE,
        "count": omitted_items.COUNT,
        "postpone": omitted_items.POSTPONE,
        "due": omission_looks.DUE,
        "wait": omission_looks.WAIT,
        "of subreddit": omission_looks.OF_SUBREDDIT,
        **{f"stored {kind}": each for kind, each in omitted_items.STORED.items()},
        **{f"mark {kind}": each for kind, each in omission_marks.MARK.items()},
        **{f"witness {kind}": each for kind, each in omission_looks.WITNESS.items()},
    }
    with database.begin() as conn:
        for statement in fill.split(";"):
            conn.execute(text(statement))
        scanned = {}
        for name, each in statements.items():
            used = {k: v for k, v in values.items() if k in each.compile().params}
            if name in ("of subreddit", "witness t3", "witness t1"):
                index_order.follow(conn)
            scanned[name] = plans.tables_scanned(plans.generic_plan(conn, each, used))
    assert {name: tables for name, tables in scanned.items() if tables} == {}
