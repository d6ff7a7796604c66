"""An erased author is nowhere in the database, and later crawls do not store the author again."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from crawler_worker.maintenance.refresher import Refresher
from crawler_worker.reddit.client import RedditClient
from crawljobs import errors
from crawljobs.db.database import Database
from crawljobs.domain.operation import OperationState
from crawljobs.domain.reddit_items import Account, Items
from crawljobs.repository.content.page_storage import crawled_items
from crawljobs.repository.erasure.erasure_operation import Erasure
from crawljobs.settings import DeletionCheckSettings, RedditSettings
from support import crawled, crawls, erasure, locks, roles, scripted_reddit
from support.crawls import Crawler
from support.databases import Databases
from support.erasure import KEY, NAME
from support.scripted_reddit import ScriptedReddit, comment, listing, post

SETTINGS = dataclasses.replace(crawls.DEFAULTS, content_key=KEY, user_sub_fetch_limit=10)
# The author's post, other authors' comments below it, and a crosspost of it.
ORIGIN = post("p1", author=NAME, title=f"by {NAME}", author_flair_text="flair", num_comments=2)
CROSSPOST = post(
    "p2",
    author="bob",
    url="/r/python/comments/p1/by_zyx_quill/",
    crosspost_parent="t3_p1",
    crosspost_parent_list=[ORIGIN["data"]],
)
COMMENTS = [
    comment("c1", author=NAME, body="first"),
    comment("c2", author="bob", parent_id="t1_c1", body="a reply"),
]
HISTORY = listing(
    post("h1", author=NAME, subreddit=f"u_{NAME}"), post("h2", author=NAME, subreddit="golang")
)


@pytest.fixture
def reddit() -> ScriptedReddit:
    found = ScriptedReddit([CROSSPOST, ORIGIN], COMMENTS)
    found.answers[f"/user/{NAME}"] = scripted_reddit.always(200, HISTORY)
    return found


@pytest.fixture
def crawler(database: Database, reddit: ScriptedReddit) -> Iterator[Crawler]:
    with scripted_reddit.serve(reddit) as url:
        yield Crawler(database, url, SETTINGS)


def refresh(crawler: Crawler) -> None:
    crawler.rows("UPDATE posts SET refresh_due_at = now() RETURNING id")
    crawler.rows("UPDATE comments SET refresh_due_at = now() RETURNING id")
    settings = RedditSettings(crawls.CLIENT_ID, "secret", "tests", crawler.url, crawler.url)
    client = RedditClient(settings, database=crawler.database, transport=crawls.Transport())
    refresher = Refresher(
        crawler.database,
        client,
        client_id=crawls.CLIENT_ID,
        crawl=SETTINGS,
        checks=DeletionCheckSettings(),
    )
    assert refresher.run_once() > 0
    client.close()


def test_an_erased_author_is_in_no_table_and_no_crawl_brings_the_author_back(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    crawler.crawl("python")
    assert erasure.tables_with(crawler.database, NAME) == ["authors", "posts", "subreddits"]
    operation = erasure.erase(crawler.database, NAME.upper())
    assert operation is not None
    assert operation.state is OperationState.SUCCEEDED
    assert erasure.tables_with(crawler.database, NAME) == []
    tree = crawler.rows("SELECT id, author_id, title, url, deleted_at FROM posts ORDER BY id")
    assert [(row.id, row.title, row.deleted_at is None) for row in tree] == [
        ("h1", None, False),
        ("h2", None, False),
        ("p1", None, False),
        ("p2", "A title", True),
    ]
    assert tree[3].url is None, "the url has words of the original's title"
    replies = crawler.rows("SELECT id, parent_id, body FROM comments ORDER BY id")
    assert replies == [("c1", "t3_p1", None), ("c2", "t1_c1", "a reply")]

    # The author writes again, in every listing that a crawl reads.
    new = [post("p9", author=NAME.lower(), subreddit="python"), CROSSPOST, ORIGIN]
    reddit.posts[:] = new
    reddit.comments[:] = [comment("c9", author=NAME, body="again"), *COMMENTS]
    reddit.answers["/user/bob"] = scripted_reddit.always(
        200, listing(comment("h8", author="bob", subreddit=f"u_{NAME}"), post("h9", author="bob"))
    )
    crawler.rows("UPDATE authors SET history_fetched_at = NULL RETURNING id")
    crawler.rows("UPDATE subreddits SET last_crawled_at = NULL RETURNING id")
    reddit.answers["/api/info"] = scripted_reddit.always(200, listing(*new, *reddit.comments))
    crawler.crawl("python")
    refresh(crawler)
    assert erasure.tables_with(crawler.database, NAME) == []
    again = crawler.rows("SELECT id, deleted_at IS NULL AS shown FROM posts ORDER BY id")
    shown = {"h9": True, "p2": True}
    assert [(row.id, row.shown) for row in again] == [
        (name, shown.get(name, False)) for name in ("h1", "h2", "h9", "p1", "p2", "p9")
    ]
    assert crawler.value("SELECT body FROM comments WHERE id = 'c2'") == "a reply"
    assert erasure.erase(crawler.database) is None, "a second erasure finds nothing"


def test_a_crawl_without_the_key_stores_nothing_once_an_author_is_erased(
    crawler: Crawler,
) -> None:
    erasure.erase(crawler.database)
    for key in (None, b"another key of at least 32 bytes.."):
        crawler.settings = dataclasses.replace(SETTINGS, content_key=key)
        crawler.enqueue("python")
        claim = crawler.claim()
        with pytest.raises(errors.ContentKeyRequired, match="CONTENT_KEY"):
            crawler.run(claim)
        crawler.release(claim)
    assert crawler.value("SELECT count(*) FROM posts") == 0


def test_checkpoints_and_missing_parts_lose_the_name_but_a_running_crawl_goes_on(
    database: Database,
) -> None:
    crawler = Crawler(database, "http://127.0.0.1:1", SETTINGS)
    failed = crawler.enqueue("python")
    part = {"kind": "history", "item": NAME}
    saved = {"v": 1, "histories": ["bob", NAME.lower()], "missing": [part]}
    running = crawler.claim()
    with database.begin() as conn:
        crawled.store(conn, crawled.post("p1", author=Account(NAME)))
        columns = "subreddit_id, kind, item, reason, message, next_look_at"
        add = f"""INSERT INTO missing_parts ({columns})
            SELECT id, 'history', :name, 'trouble', '', now() FROM subreddits"""
        conn.execute(text(add), {"name": NAME})
        save = text("UPDATE crawl_jobs SET checkpoint = CAST(:saved AS jsonb)")
        conn.execute(save, {"saved": json.dumps(saved)})
    erasure.start(database)
    erasure.work(database)
    assert erasure.tables_with(database, NAME) == ["crawl_jobs", "missing_parts", "operations"]
    crawler.release(running)
    crawler.rows("UPDATE operations SET next_run_at = now() RETURNING id")
    erasure.work(database)
    assert erasure.tables_with(database, NAME) == []
    assert crawler.checkpoint(failed) == {"v": 1, "histories": ["bob"], "missing": []}


def test_an_erasure_waits_for_a_page_that_was_begun_before_it(database: Database) -> None:
    with database.begin() as conn:
        crawled.store(conn, crawled.post("p1", author=Account(NAME)))
    begun = Items(posts=(crawled.post("p2", author=Account(NAME)),))
    erasing = threading.Thread(target=lambda: erasure.work(database))
    with database.begin() as page:
        crawled_items.store(page, items=begun, known_subreddits={}, key=KEY)
        assert erasure.start(database).found.posts == 1
        erasing.start()
        locks.wait_until_blocked(database)
    erasing.join()
    assert erasure.tables_with(database, NAME) == []


def test_a_page_that_first_stores_the_author_during_the_request_is_erased_too(
    database: Database,
) -> None:
    begun = Items(posts=(crawled.post("p1", author=Account(NAME)),))
    started: list[Erasure] = []
    asking = threading.Thread(target=lambda: started.append(erasure.start(database)))
    with database.begin() as page:
        crawled_items.store(page, items=begun, known_subreddits={}, key=KEY)
        asking.start()
        locks.wait_until_blocked(database)
    asking.join()
    assert started[0].found.posts == 1
    erasure.work(database)
    assert erasure.tables_with(database, NAME) == []


def test_the_profile_of_an_author_who_is_not_stored_loses_the_name(database: Database) -> None:
    with database.begin() as conn:
        values = {"name": f"u_{NAME.upper()}", "title": f"The page of {NAME}"}
        conn.execute(text("INSERT INTO subreddits (name, title) VALUES (:name, :title)"), values)
    erasure.start(database, dry_run=True)
    assert erasure.tables_with(database, NAME) == ["subreddits"]
    assert erasure.start(database).operation is None
    assert erasure.tables_with(database, NAME) == []


# Ends the process by SIGKILL before the given statement of the worker.
DIES = """
import os, signal, sys, threading
from sqlalchemy import event
from sqlalchemy.engine import Engine
from crawler_worker.maintenance.operation_running import OperationRunning
from crawljobs.db.database import Database

left = int(sys.argv[2])

@event.listens_for(Engine, "before_cursor_execute")
def dies(*_):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

OperationRunning(Database(sys.argv[1], pool_size=1), threading.Event()).run()
"""


@pytest.mark.deep
@pytest.mark.timeout(500)
def test_an_erasure_survives_kill_9_at_any_statement(databases: Databases) -> None:
    with roles.made(databases) as found:
        whole = Database(found.url)
        with whole.begin() as conn:
            erasure.fill(conn, 1_200)
        operation = erasure.start(whole).operation
        assert operation is not None
        url, number, ended = found.url_as("crawler_worker"), 0, False
        while not ended:
            number += 1
            command = [sys.executable, "-c", DIES, url, str(number)]
            died = subprocess.run(command, env=os.environ, timeout=60, check=False)
            assert died.returncode in (0, -signal.SIGKILL)
            ended = died.returncode == 0
        assert number > 10
        with whole.begin() as conn:
            left = "SELECT count(*) FROM posts WHERE title IS NOT NULL"
            assert conn.execute(text(left)).scalar_one() == 1_200, "the other author's posts"
            assert conn.execute(text("SELECT name FROM authors")).scalars().all() == ["bob"]
            done = conn.execute(text("SELECT done, state FROM operations")).one()
        assert done == (2_401, "succeeded")
        worker = Database(url)
        with worker.begin() as conn:
            crawled.store(conn, crawled.post("new", author=Account(NAME)), key=KEY)
        worker.close()
        whole.close()


@pytest.mark.deep
def test_an_author_with_10_000_items_is_erased_within_2_seconds(database: Database) -> None:
    with database.begin() as conn:
        erasure.fill(conn, 5_000)
        conn.execute(text("ANALYZE"))
    assert erasure.start(database).found.rows == 10_001
    begun = time.perf_counter()
    erasure.work(database)
    assert time.perf_counter() - begun < 2
    with database.begin() as conn:
        assert conn.execute(text("SELECT name FROM authors")).scalars().all() == ["bob"]
