"""Accounts of which nothing is stored any more are deleted, and no account of a stored item."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import text

from crawler_worker.maintenance.author_pruning import AuthorPruning
from crawljobs.db.database import Database
from crawljobs.domain.reddit_items import Account
from crawljobs.repository.erasure import forgotten_authors
from crawljobs.settings import RetentionSettings
from support import crawled, erasure, locks
from support.erasure import KEY

# No item of "gone" has an author any more, and "mute" has no activity either. The others stay.
NAMES = ("gone", "mute", "writer", "talker", "origin", "recent")


def prune(database: Database, *, retention: timedelta | None = None) -> int:
    with database.begin() as conn:
        conn.execute(text("DELETE FROM maintenance_runs"))
    return AuthorPruning(database, RetentionSettings(content=retention), threading.Event()).run()


def names(database: Database) -> set[str]:
    with database.begin() as conn:
        return set(conn.execute(text("SELECT name FROM authors")).scalars())


@pytest.fixture
def filled(database: Database) -> Database:
    with database.begin() as conn:
        for n, name in enumerate(("gone", "writer", "recent")):
            crawled.store(conn, crawled.post(f"p{n}", author=Account(name)))
        crawled.store(conn, crawled.comment("c1", author=Account("talker")))
        origin = {"crosspost_parent": "t3_x", "crosspost_author": Account("origin")}
        crawled.store(conn, crawled.post("p9", author=None, **origin))
        crawled.store(conn, crawled.deleted_post("p0"), crawled.deleted_post("p2"))
        conn.execute(text("INSERT INTO authors (name) VALUES ('mute')"))
        conn.execute(text("UPDATE authors SET first_seen_at = now() - interval '2 days'"))
        conn.execute(text("UPDATE authors SET first_seen_at = now() WHERE name = 'recent'"))
        conn.execute(
            text(
                "INSERT INTO crawl_jobs (subreddit_id, status, priority, base_priority, source, "
                "checkpoint) SELECT id, 'queued', 5, 5, 'user', "
                """'{"v": 1, "histories": ["Gone", "writer"]}' FROM subreddits LIMIT 1"""
            )
        )
    return database


def test_an_account_whose_last_item_lost_its_author_is_deleted_everywhere(
    filled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert names(filled) == {*NAMES}
    monkeypatch.setattr(forgotten_authors, "AT_ONCE", 1)
    assert prune(filled) == 2
    assert names(filled) == {*NAMES} - {"gone", "mute"}
    assert erasure.tables_with(filled, "gone") == []
    assert "crawl_jobs" in erasure.tables_with(filled, "writer")
    assert AuthorPruning(filled, RetentionSettings(), threading.Event()).run() == 0, "once a day"


def test_with_a_retention_the_activity_stays(filled: Database) -> None:
    assert prune(filled, retention=timedelta(days=9)) == 1
    assert names(filled) == {*NAMES} - {"mute"}


def test_an_account_with_activity_in_too_many_subreddits_stays(
    filled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgotten_authors, "SUBREDDITS_MAX", 0)
    assert prune(filled) == 1
    assert names(filled) == {*NAMES} - {"mute"}


def test_an_account_stays_while_a_running_crawl_names_it(filled: Database) -> None:
    running = text("UPDATE crawl_jobs SET status = 'crawling', claim_token = gen_random_uuid()")
    with filled.begin() as conn:
        conn.execute(text("ALTER TABLE crawl_jobs DISABLE TRIGGER USER"))
        columns = "claimed_by = 'w', claimed_at = now(), lease_expires_at = now()"
        conn.execute(text(f"{running.text}, {columns}"))
    assert prune(filled) == 1
    assert names(filled) == {*NAMES} - {"mute"}


def test_an_account_that_a_page_stores_again_at_the_same_time_stays(filled: Database) -> None:
    pruning = threading.Thread(target=lambda: prune(filled))
    with filled.begin() as page:
        crawled.store(page, crawled.post("p7", author=Account("gone")), key=KEY)
        pruning.start()
        locks.wait_until_blocked(filled)
    pruning.join()
    assert names(filled) == {*NAMES} - {"mute"}
