"""Old content is erased by a sweep, and is not stored again; barred subreddits by a setting."""

import dataclasses
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from crawler_worker.maintenance.content_retention import ContentRetention
from crawljobs import settings
from crawljobs.db.database import Database
from crawljobs.repository import index_order
from crawljobs.repository.erasure import old_content, old_items
from crawljobs.settings import RetentionSettings
from support import crawled, crawls, plans, scripted_reddit
from support.crawls import Crawler
from support.scripted_reddit import ScriptedReddit, comment, post

DAY = timedelta(days=1)
NOW = datetime.now(UTC)


def sweep(database: Database, chosen: RetentionSettings) -> int:
    with database.begin() as conn:
        conn.execute(text("DELETE FROM maintenance_runs"))
    return ContentRetention(database, chosen, threading.Event()).run()


def shown(database: Database) -> list[str]:
    """Return the ids of the items that still have content."""
    query = """
        SELECT id FROM posts WHERE title IS NOT NULL AND author_id IS NOT NULL
        UNION ALL SELECT id FROM comments WHERE body IS NOT NULL ORDER BY id"""
    with database.begin() as conn:
        return list(conn.execute(text(query)).scalars())


def fill(database: Database, subreddit: str, name: str) -> None:
    """Store a post and a comment of each of the ages 1, 10 and 100 days."""
    with database.begin() as conn:
        for days in (1, 10, 100):
            values = {"subreddit": subreddit, "created_at": NOW - days * DAY}
            crawled.store(
                conn,
                crawled.post(f"{name}p{days}", **values),
                crawled.comment(f"{name}c{days}", **values),
            )


def test_items_lose_their_content_at_the_age_of_the_setting(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crawler_worker.maintenance.content_retention.CHUNK", 1)
    monkeypatch.setattr("crawler_worker.maintenance.content_retention.SUBREDDITS_AT_ONCE", 1)
    fill(database, "python", "a")
    fill(database, "golang", "b")
    everything = shown(database)
    assert sweep(database, RetentionSettings()) == 0
    assert shown(database) == everything
    assert sweep(database, RetentionSettings(content=30 * DAY)) == 4
    assert shown(database) == [one for one in everything if not one.endswith("100")]
    with database.begin() as conn:
        edges = conn.execute(text("SELECT sum(posts + comments) FROM author_subreddits"))
        assert edges.scalar_one() == 12, "the activity stays"
    assert sweep(database, RetentionSettings(content=30 * DAY)) == 0
    assert sweep(database, RetentionSettings(content=5 * DAY)) == 4
    assert shown(database) == ["ac1", "ap1", "bc1", "bp1"]


def test_a_sweep_reads_a_subreddit_once_a_day_and_one_worker_sweeps(database: Database) -> None:
    fill(database, "python", "a")
    chosen = RetentionSettings(content=30 * DAY)
    assert sweep(database, chosen) == 2
    assert ContentRetention(database, chosen, threading.Event()).run() == 0, "one turn an hour"
    with database.begin() as conn:
        crawled.store(conn, crawled.post("late", created_at=NOW - 30 * DAY - DAY / 2))
    assert sweep(database, chosen) == 0, "the subreddit is due after a day"
    with database.begin() as conn:
        back = "UPDATE subreddits SET content_erased_before = content_erased_before - interval '1d'"
        conn.execute(text(back))
    assert sweep(database, chosen) == 1, "the sweep begins a day before the end of the last one"


@pytest.mark.parametrize(("access", "erased"), [("private", 6), ("banned", 6), ("not_found", 0)])
def test_the_content_of_a_barred_subreddit_is_erased_by_a_setting(
    database: Database, access: str, erased: int
) -> None:
    fill(database, "python", "a")
    with database.begin() as conn:
        conn.execute(text("UPDATE subreddits SET access = :access"), {"access": access})
    assert sweep(database, RetentionSettings(content=1_000 * DAY)) == 0
    assert sweep(database, RetentionSettings(erases_barred=True)) == erased


@pytest.mark.parametrize(
    ("on", "access", "off"),
    [
        (RetentionSettings(content=30 * DAY), "public", RetentionSettings(content=1_000 * DAY)),
        (RetentionSettings(content=30 * DAY), "public", RetentionSettings()),
        (RetentionSettings(erases_barred=True), "private", RetentionSettings(erases_barred=True)),
        (RetentionSettings(erases_barred=True), "banned", RetentionSettings()),
    ],
    ids=["raised", "removed", "public again", "kept again"],
)
def test_old_items_that_were_stored_between_two_sweeps_are_erased(
    database: Database, on: RetentionSettings, access: str, off: RetentionSettings
) -> None:
    """A crawl stores old items with their content while neither setting forbids it."""
    set_access = text("UPDATE subreddits SET access = :access")
    fill(database, "python", "a")
    with database.begin() as conn:
        conn.execute(set_access, {"access": access})
    assert sweep(database, on) > 0
    with database.begin() as conn:
        conn.execute(set_access, {"access": "public"})
    assert sweep(database, off) == 0
    with database.begin() as conn:
        late = crawled.post("late", subreddit="python", created_at=NOW - 200 * DAY)
        crawled.store(conn, late)
        conn.execute(set_access, {"access": access})
    assert sweep(database, on) == 1
    assert "late" not in shown(database)
    assert sweep(database, on) == 0


def test_a_chunk_examines_a_limited_number_of_tombstones(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crawler_worker.maintenance.content_retention.CHUNK", 2)
    fill(database, "python", "a")
    with database.begin() as conn:
        for number in range(5):
            crawled.store(
                conn,
                crawled.post(f"p{number}", subreddit="python", created_at=NOW - 200 * DAY),
            )
        conn.execute(text("UPDATE posts SET deleted_at = now() WHERE id <> 'p4'"))
    chosen = RetentionSettings(content=30 * DAY)
    assert sweep(database, chosen) == 2, "p4 and the old comment"
    with database.begin() as conn:
        (due,) = old_content.next_due(
            conn, retention=5 * DAY, erases_barred=False, after=0, at_most=9
        )
        due = dataclasses.replace(due, since=old_content.FIRST)
        first = old_items.erase(conn, "posts", due, after=old_items.first_place(due), at_most=2)
    assert first == old_items.ErasedItems(0, (NOW - 200 * DAY, "p1"))


def test_a_crawl_stores_older_items_without_their_content(database: Database) -> None:
    old, new = (NOW - 40 * DAY).timestamp(), (NOW - DAY).timestamp()
    reddit = ScriptedReddit(
        [post("p2", created_utc=new), post("p1", created_utc=old)],
        [comment("c2", "p2", created_utc=new), comment("c1", "p1", created_utc=old, author="eve")],
    )
    keeping = dataclasses.replace(crawls.DEFAULTS, content_retention=30 * DAY)
    with scripted_reddit.serve(reddit) as url:
        crawler = Crawler(database, url, keeping)
        crawler.crawl("python")
    assert shown(database) == ["c2", "p2"]
    assert crawler.value("SELECT count(*) FROM posts") == 2
    assert crawler.rows("SELECT name FROM authors") == [("ada",)], "no author of old items alone"


def test_a_removed_post_loses_its_title_unless_the_setting_keeps_it(database: Database) -> None:
    reddit = ScriptedReddit([post("p1", url="/r/python/comments/p1/a_title/")])
    with scripted_reddit.serve(reddit) as url:
        crawler = Crawler(database, url, settings.read_crawl_settings({"REMOVED_TITLES": "keep"}))
        crawler.crawl("python")
        removed = {"selftext": "[removed]", "removed_by_category": "moderator"}
        reddit.posts[0]["data"].update(removed)
        title = "SELECT title, url, author_id IS NULL, deleted_at IS NULL FROM posts"
        crawler.crawl("python")
        kept = ("A title", "/r/python/comments/p1/a_title/", False, True)
        assert crawler.rows(title) == [kept]
        crawler.settings = settings.read_crawl_settings({})
        crawler.crawl("python")
        assert crawler.rows(title) == [(None, None, False, True)]


def test_the_sweep_reads_indexes_alone(database: Database) -> None:
    fill = """
        INSERT INTO subreddits (name) SELECT 'sub' || n FROM generate_series(1, 5000) AS n;
        INSERT INTO posts (id, subreddit_id, created_at)
        SELECT 'p' || id, id, now() FROM subreddits;
        INSERT INTO comments (id, post_id, parent_id, subreddit_id, created_at)
        SELECT 'c' || id, 'p' || id, 't3_p' || id, id, now() FROM subreddits;
        ANALYZE subreddits, posts, comments"""
    with database.begin() as conn:
        for statement in fill.split(";"):
            conn.execute(text(statement))
        index_order.follow(conn)
        values = {
            "retention": DAY, "erases_barred": True, "margin": DAY, "after": 0, "at_most": 100,
            "now": None, "of_subreddit": 7, "since": NOW, "until": NOW, "after_id": "",
            "item_ids": ["p7", "c7"],
        }  # fmt: skip
        of_items = (*old_items.WALKS.values(), *old_items.ERASE.values())
        for sent in (old_content.NEXT, old_content.FINISH, *of_items):
            used = {key: value for key, value in values.items() if key in sent.compile().params}
            assert plans.tables_scanned(plans.generic_plan(conn, sent, used)) == []
