"""Crawls of those communities of the sandbox that have one broken part."""

from dataclasses import replace

import pytest

from support.crawls import Crawler
from support.reddit_sandbox import RunningSandbox


@pytest.fixture(autouse=True)
def _without_histories(crawler: Crawler) -> None:
    crawler.settings = replace(crawler.settings, fetch_user_subreddits=False)


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("badpage_town", {"posts", "comments"}),
        ("nocomments_town", {"comments"}),
        ("loop_town", {"posts", "comments"}),
        pytest.param("badtree_town", {"tree"}, marks=pytest.mark.deep),
        pytest.param("badmore_town", {"more_children"}, marks=pytest.mark.deep),
        pytest.param("stubs_town", set(), marks=pytest.mark.deep),
    ],
)
def test_a_crawl_comes_to_its_end_and_tells_what_is_missing(
    crawler: Crawler, sandbox: RunningSandbox, name: str, kinds: set[str]
) -> None:
    assert crawler.crawl(name) == "crawled"
    assert {row.kind for row in crawler.rows("SELECT kind FROM missing_parts")} == kinds
    (row,) = crawler.rows("SELECT * FROM subreddits")
    assert (row.missing_parts > 0, row.last_crawled_at is not None) == (bool(kinds), True)
    assert crawler.value("SELECT incomplete FROM crawl_jobs") is bool(kinds)
    assert (row.high_water_post is None, row.high_water_comment is None) == (
        "posts" in kinds,
        "comments" in kinds,
    )
    first_page = {post["id"] for post in sandbox.children(f"/r/{name}/new", limit=100)}
    assert first_page <= {post.id for post in crawler.rows("SELECT id FROM posts")}


@pytest.mark.deep
def test_trees_whose_stubs_count_0_are_stored_whole(crawler: Crawler) -> None:
    crawler.settings = replace(crawler.settings, max_comment_depth=100)
    crawler.crawl("stubs_brook")
    rows = crawler.rows("SELECT * FROM posts WHERE tree_fetched_at IS NOT NULL")
    assert len(rows) > 3
    for row in rows:
        assert (row.comments_stored, row.comments_missing) == (row.comments_reported, 0)


def test_what_reddit_removed_is_stored_as_removed(crawler: Crawler) -> None:
    crawler.crawl("takedown_town")
    for table in ("posts", "comments"):
        by_reddit = "removed_by_category = 'reddit'"
        query = f"SELECT count(*) FROM {table} WHERE {by_reddit} AND body IS NOT NULL"
        assert crawler.value(query) == 0
        assert crawler.value(f"SELECT count(*) FROM {table} WHERE {by_reddit}") > 5
        edited = f"SELECT count(*) FROM {table} WHERE edited AND edited_at IS NULL"
        assert crawler.value(edited) > 5
        words = f"SELECT count(*) FROM {table} WHERE body ILIKE '[ removed by reddit%'"
        assert crawler.value(words) == 0
    assert crawler.value("SELECT count(*) FROM posts WHERE title ILIKE '[ removed%'") == 0
    assert crawler.value("SELECT count(*) FROM comments WHERE score IS NULL") > 5


def test_galleries_polls_crossposts_and_marks_are_stored(crawler: Crawler) -> None:
    crawler.crawl("media_town")
    posts = "SELECT count(*) FROM posts WHERE "
    for shown in ("is_gallery", "is_video", "contest_mode", "distinguished = 'moderator'"):
        assert crawler.value(posts + shown) > 5, shown
    for kind in ("gallery_data", "poll_data"):
        assert crawler.value(f"{posts} extra ? '{kind}'") > 5
        assert crawler.value(f"{posts} extra ? '{kind}' AND (deleted_at IS NOT NULL)") == 0
    assert crawler.value(f"{posts} crosspost_author_id IS NOT NULL") > 5
    assert crawler.value(f"{posts} crosspost_subreddit IS NOT NULL") > 5
    comments = "SELECT count(*) FROM comments WHERE "
    for shown in ("controversiality = 1", "collapsed_reason_code IS NOT NULL", "depth > 0"):
        assert crawler.value(comments + shown) > 5, shown
    assert crawler.value(f"{comments} extra ? 'media_metadata'") > 5
    assert crawler.value("SELECT language FROM subreddits WHERE name = 'media_town'") == "en"
    assert crawler.value("SELECT count(*) FROM subreddits WHERE sidebar LIKE '%.%'") == 1
