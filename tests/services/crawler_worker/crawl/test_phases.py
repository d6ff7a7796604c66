"""Whole crawls of a sandbox over real HTTP into a real database."""

import resource
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.reddit import crawl_failures
from crawljobs.db.database import Database
from support.crawls import DEFAULTS, Crawler, Transport
from support.databases import Databases
from support.reddit_sandbox import RunningSandbox


@pytest.fixture(scope="module")
def crawled(sandbox: RunningSandbox, databases: Databases) -> Iterator[Crawler]:
    """Yield a crawler that has crawled r/python, and then a subreddit with some of its authors.

    Tests only read this database, because they share it.
    """
    with databases.clone() as url:
        database = Database(url)
        crawler = Crawler(database, sandbox.url, replace(DEFAULTS, user_sub_enqueue_max=4))
        assert crawler.crawl("python", depth=1) == "crawled"
        assert crawler.crawl("tiny_town", depth=2) == "crawled"  # discovery ends at this depth
        yield crawler
        database.close()


def first_job(crawler: Crawler) -> int:
    return int(crawler.value("SELECT min(id) FROM crawl_jobs"))


def test_a_crawl_stores_every_post_that_the_subreddit_lists(
    crawled: Crawler, sandbox: RunningSandbox
) -> None:
    crawler = crawled
    listed = {post["id"] for page in sandbox.pages("/r/python/new") for post in page}
    stored = crawler.rows(
        "SELECT id FROM posts WHERE subreddit_id = (SELECT id FROM subreddits WHERE name = 'Python'"
        " OR name = 'python')"
    )
    assert listed - {row.id for row in stored} == set()
    checkpoint = crawler.checkpoint(first_job(crawler))
    assert (checkpoint["phase"], checkpoint["posts"]) == ("done", len(listed))
    assert checkpoint["comments"] > 0
    assert checkpoint["authors"] > 0


def test_a_crawl_leaves_its_marks_on_the_subreddit(
    crawled: Crawler, sandbox: RunningSandbox
) -> None:
    row, other = crawled.rows(
        "SELECT * FROM subreddits WHERE last_crawled_at IS NOT NULL ORDER BY id"
    )
    assert other.name.lower() == "tiny_town"
    newest_post = sandbox.children("/r/python/new", limit=1)[0]["id"]
    newest_comment = sandbox.children("/r/python/comments", limit=1)[0]["id"]
    assert (row.high_water_post, row.high_water_comment) == (newest_post, newest_comment)
    assert row.access == "public"
    assert row.title is not None
    assert row.subscribers > 0


def test_a_second_crawl_asks_little_and_writes_nothing_new(crawler: Crawler) -> None:
    crawler.crawl("python")
    # All trees count as fetched, so that the second crawl fetches none.
    crawler.rows(
        "UPDATE posts SET tree_fetched_at = now(), comments_reported = num_comments RETURNING id"
    )
    before = crawler.contents()
    versions = "SELECT id, xmin::text FROM posts UNION ALL SELECT id, xmin::text FROM comments"
    tuples = set(crawler.rows(versions))
    transport = Transport()
    crawler.crawl("python", transport=transport)
    assert len(transport.paths) <= 4
    after = crawler.contents()
    assert {**after, "jobs": None} == {**before, "jobs": None}
    assert set(crawler.rows(versions)) == tuples


def test_edges_add_up_to_what_is_stored(crawled: Crawler) -> None:
    for table in ("posts", "comments"):
        stored = crawled.value(f"SELECT count(*) FROM {table} WHERE author_id IS NOT NULL")
        assert crawled.value(f"SELECT sum({table}) FROM author_subreddits") == stored


def test_only_what_is_newer_than_the_mark_is_walked(
    crawler: Crawler, sandbox: RunningSandbox
) -> None:
    posts = [post for page in sandbox.pages("/r/big_town/new") for post in page]
    crawler.enqueue("big_town")
    claim = crawler.claim()
    crawler.rows(
        "UPDATE subreddits SET high_water_post = :mark RETURNING id", mark=posts[149]["id"]
    )
    crawler.run(claim)
    # The crawl reads 149 newer posts and ends at 25 older ones in a row, on the second page.
    assert crawler.checkpoint()["posts"] == 200


@pytest.mark.parametrize(
    ("name", "access"),
    [
        ("private_club", "private"),
        ("quarantined_club", "quarantined"),
        ("gated_club", "gated"),
        ("banned_club", "banned"),
        ("notfound_club", "not_found"),
        ("missing_club", "not_found"),
        ("redirect_club", "redirected"),
        ("legal_club", "legal"),
    ],
)
def test_a_subreddit_that_cannot_be_seen_is_an_outcome_and_no_failure(
    crawler: Crawler, name: str, access: str
) -> None:
    transport = Transport()
    assert crawler.crawl(name, transport=transport) == access
    (row,) = crawler.rows("SELECT * FROM subreddits")
    assert (row.access, row.last_crawled_at) == (access, None)
    assert row.access_checked_at is not None
    assert (row.next_crawl_at is not None) == (access in ("private", "quarantined", "gated"))
    assert len(transport.paths) == 2  # a second request confirms that the subreddit is unavailable


@pytest.mark.parametrize(
    ("name", "failure"),
    [
        ("error_town", crawl_failures.NothingClear),
        ("cf522_town", crawl_failures.NothingClear),
        ("reqtimeout_town", crawl_failures.NothingClear),
        ("html_town", crawl_failures.NothingClear),
        ("forbidden_town", crawl_failures.NothingClear),
        ("cutoff_town", crawl_failures.NothingClear),
        ("reset_town", crawl_failures.NothingClear),
        ("badreq_town", crawl_failures.BadRequest),
    ],
)
def test_trouble_is_raised_with_the_meaning_that_decides_about_the_job(
    crawler: Crawler, name: str, failure: type[Exception]
) -> None:
    crawler.enqueue(name)
    with pytest.raises(failure):
        crawler.run(crawler.claim())


def test_a_subreddit_without_content_is_crawled(crawler: Crawler) -> None:
    assert crawler.crawl("empty_town") == "crawled"
    assert crawler.checkpoint()["posts"] == 0


def test_hostile_content_is_stored_and_the_crawl_comes_to_its_end(crawler: Crawler) -> None:
    crawler.settings = replace(crawler.settings, fetch_user_subreddits=False)
    assert crawler.crawl("hostile_town") == "crawled"
    assert crawler.value("SELECT count(*) FROM posts") > 20
    longest = crawler.value("SELECT max(char_length(title)) FROM posts")
    assert longest == 1_000
    assert crawler.value("SELECT count(*) FROM posts WHERE title LIKE '%<script>%'") > 0


def test_numbers_that_are_none_are_stored_as_null(crawler: Crawler) -> None:
    assert crawler.crawl("nan_town") == "crawled"
    assert crawler.value("SELECT count(*) FROM posts WHERE upvote_ratio IS NULL") > 0


def test_a_crawl_ends_with_what_it_has_when_its_requests_are_spent(crawler: Crawler) -> None:
    crawler.settings = replace(crawler.settings, max_requests_per_job=7)
    transport = Transport()
    assert crawler.crawl("python", transport=transport) == "crawled"
    assert len(transport.paths) == 7
    assert crawler.checkpoint()["phase"] == "done"


def test_a_listing_that_was_not_walked_to_its_end_sets_no_mark(crawler: Crawler) -> None:
    crawler.settings = replace(crawler.settings, max_requests_per_job=3)
    crawler.crawl("big_town")
    assert crawler.value("SELECT high_water_post FROM subreddits WHERE name = 'big_town'") is None


def test_as_many_posts_are_fetched_as_the_setting_says(crawler: Crawler) -> None:
    crawler.settings = replace(
        crawler.settings, max_posts_per_sub=101, fetch_user_subreddits=False,
        max_comments_per_post=0,
    )  # fmt: skip
    crawler.crawl("big_town")
    assert crawler.value("SELECT count(*) FROM posts") == 101
    assert crawler.checkpoint()["authors"] == 0


def test_posts_can_be_those_of_the_top_of_a_time(crawler: Crawler, sandbox: RunningSandbox) -> None:
    crawler.settings = replace(
        crawler.settings, posts_sort="top", posts_time_filter="all", max_posts_per_sub=100,
        fetch_user_subreddits=False, max_comments_per_post=0,
    )  # fmt: skip
    crawler.crawl("big_town")
    top = {post["id"] for post in sandbox.children("/r/big_town/top", t="all", limit=100)}
    assert {row.id for row in crawler.rows("SELECT id FROM posts")} == top
    assert crawler.value("SELECT high_water_post FROM subreddits WHERE name = 'big_town'") is None


def test_content_deleted_at_reddit_is_deleted_here_when_it_is_seen_again(
    crawler: Crawler, sandbox: RunningSandbox
) -> None:
    crawler.crawl("gardening")
    busy = "SELECT id, subreddit_id FROM posts WHERE num_comments > 3 AND author_id IS NOT NULL"
    post, *_ = crawler.rows(busy + " ORDER BY id")
    reply = sandbox.http.post("/sandbox/delete", json={"name": f"t3_{post.id}"})
    assert reply.status_code == 200
    # The listings no longer show the post. Its tree is fetched because stored comments are missing.
    crawler.rows("DELETE FROM comments WHERE post_id = :id RETURNING id", id=post.id)
    crawler.enqueue("gardening")
    claim = crawler.claim()
    at_the_tree = Checkpoint(phase="trees", busiest=((post.id, 4),)).saved()
    crawler.run(claim._replace(checkpoint=at_the_tree))
    (row,) = crawler.rows("SELECT * FROM posts WHERE id = :id", id=post.id)
    assert (row.author_id, row.title, row.body, row.url) == (None,) * 4
    assert row.deleted_at is not None
    assert crawler.value("SELECT count(*) FROM comments WHERE post_id = :id", id=post.id) > 0


def test_a_history_that_another_crawl_has_read_meanwhile_is_not_read_again(
    crawler: Crawler,
) -> None:
    """Crawls of similar subreddits at the same time share their most active authors."""

    def read_all(_number: int) -> None:
        with crawler.database.begin() as conn:
            conn.execute(text("UPDATE authors SET history_fetched_at = now()"))

    transport = Transport(
        lambda n: read_all(n) if transport.paths[-1].startswith("/user") else None
    )
    crawler.crawl("tiny_town", transport=transport)
    assert len([path for path in transport.paths if path.startswith("/user")]) == 1


def test_neighbours_are_enqueued_at_the_lowest_priority_within_depth(crawled: Crawler) -> None:
    rows = crawled.rows("SELECT * FROM crawl_jobs WHERE source = 'discovery'")
    assert len(rows) == 4
    assert {(row.priority, row.priority_ceiling, row.depth) for row in rows} == {(0, 40, 2)}
    home, other = (
        row.subreddit_id
        for row in crawled.rows("SELECT * FROM crawl_jobs WHERE source = 'user' ORDER BY id")
    )
    discovered = crawled.rows(
        "SELECT id, discovered_from FROM subreddits WHERE id NOT IN (:home, :other)",
        home=home,
        other=other,
    )
    assert {row.discovered_from for row in discovered} <= {home, other}
    enqueued = {row.subreddit_id for row in rows}
    assert {row.discovered_from for row in discovered if row.id in enqueued} == {home}


@pytest.mark.parametrize(
    ("changes", "depth"),
    [
        ({"discovery_max_live_jobs": 0}, 0),
        ({"user_sub_enqueue_max": 0}, 0),
        ({"fetch_user_subreddits": False}, 0),
        ({}, 2),
    ],
)
def test_nothing_is_enqueued_where_discovery_ends(
    crawler: Crawler, changes: dict[str, int], depth: int
) -> None:
    crawler.settings = replace(crawler.settings, **changes)
    crawler.crawl("tiny_town", depth=depth)
    assert crawler.value("SELECT count(*) FROM crawl_jobs") == 1


def test_a_gzip_bomb_is_no_usable_reply_and_fills_no_memory(crawler: Crawler) -> None:
    crawler.enqueue("bomb_town")
    claim = crawler.claim()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(crawl_failures.NothingClear):
        crawler.run(claim)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    # In KiB. The unpacked reply would take 128 MiB.
    assert grown < 80 * 1024


def test_json_nested_too_deeply_for_any_reader_is_read_all_the_same(crawler: Crawler) -> None:
    crawler.settings = replace(
        crawler.settings, fetch_user_subreddits=False, max_comments_per_post=0
    )
    assert crawler.crawl("deep_town") == "crawled"
    assert crawler.value("SELECT count(*) FROM posts") > 20


def test_replies_without_headers_count_one_each(crawler: Crawler) -> None:
    crawler.settings = replace(
        crawler.settings, fetch_user_subreddits=False, max_comments_per_post=0
    )
    transport = Transport()
    assert crawler.crawl("headerless_town", transport=transport) == "crawled"
    row = crawler.rows("SELECT reserved, requests_per_window FROM reddit_budgets")[0]
    assert row.reserved >= len(transport.paths) > 2
    assert row.requests_per_window == 1_000


@pytest.mark.parametrize("adaptive", [True, False])
def test_a_crawl_tells_its_next_visit_where_the_setting_wants_it(
    crawler: Crawler, adaptive: bool
) -> None:
    crawler.settings = replace(
        crawler.settings, adaptive_interval=adaptive, fetch_user_subreddits=False,
        max_comments_per_post=0,
    )  # fmt: skip
    crawler.crawl("tiny_town")
    (row,) = crawler.rows(
        "SELECT next_crawl_at, next_crawl_at - last_crawled_at AS interval FROM subreddits"
    )
    assert (row.next_crawl_at is not None) is adaptive
    # The items of the sandbox are older than two weeks by the real clock.
    if adaptive:
        assert timedelta(days=13) < row.interval <= timedelta(days=14)
