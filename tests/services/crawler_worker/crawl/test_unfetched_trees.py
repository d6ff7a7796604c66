"""Which trees were fetched is recorded on their posts: a crawl that did not end loses none."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from crawljobs.db.database import Database
from crawljobs.domain import ends
from crawljobs.domain.job import ErrorKind
from crawljobs.repository import claim_ends
from support import scripted_reddit
from support.crawls import DEFAULTS, Crawler
from support.scripted_reddit import ScriptedReddit, comment, listing, post


class Stopped(BaseException):
    """Stands for kill -9, a cancel or a failure: the crawl does not come to its end."""


class Reddit(ScriptedReddit):
    """Three posts with 30 comments each, none of which is among the newest."""

    def __init__(self) -> None:
        super().__init__([post(f"p{n}", num_comments=30) for n in (3, 2, 1)])
        for n in (1, 2, 3):
            tree = [comment(f"c{n}{k}", f"p{n}") for k in range(10, 40)]
            answer = [listing(), listing(*tree)]
            self.answers[f"/comments/p{n}"] = lambda _q, answer=answer: (200, answer)


@pytest.fixture
def reddit() -> Reddit:
    return Reddit()


@pytest.fixture
def crawler(reddit: Reddit, database: Database) -> Iterator[Crawler]:
    with scripted_reddit.serve(reddit) as url:
        yield Crawler(database, url, replace(DEFAULTS, fetch_user_subreddits=False))


def stop_at(crawler: Crawler, reddit: Reddit, tree: str, how: str) -> None:
    """A crawl that ends so when it has asked for this tree."""
    crawler.enqueue("python")
    claim = crawler.claim()
    answer = reddit.answers[tree]

    def stop(query: Any) -> Any:
        with crawler.database.begin() as conn:
            end = ends.failed(claim, kind=ErrorKind.PERMANENT, message="stopped by the test")
            claim_ends.end_claim(conn, end)
            if how == "cancelled":
                conn.exec_driver_sql("UPDATE crawl_jobs SET status = 'cancelled'")
        return answer(query)

    reddit.answers[tree] = stop
    with pytest.raises(Exception, match="no longer ours"):
        crawler.run(claim)
    reddit.answers[tree] = answer


def trees(crawler: Crawler) -> list[tuple[str, bool, int]]:
    rows = crawler.rows(
        "SELECT id, tree_fetched_at IS NOT NULL AS fetched, "
        "(SELECT count(*) FROM comments WHERE post_id = post.id) AS comments "
        "FROM posts AS post ORDER BY id"
    )
    return [(row.id, row.fetched, row.comments) for row in rows]


WHOLE = [("p1", True, 30), ("p2", True, 30), ("p3", True, 30)]


@pytest.mark.parametrize("how", ["failed", "cancelled"])
@pytest.mark.parametrize("tree", ["/comments/p1", "/comments/p3"])
def test_trees_of_a_crawl_that_did_not_end_are_fetched_by_the_next_one(
    crawler: Crawler, reddit: Reddit, how: str, tree: str
) -> None:
    stop_at(crawler, reddit, tree, how)
    assert crawler.value("SELECT count(*) FROM posts") == 3
    reddit.asked.clear()
    assert crawler.crawl("python") == "crawled"
    assert trees(crawler) == WHOLE
    # What was fetched before is not asked for a second time.
    fetched_before = 0 if tree == "/comments/p1" else 2
    assert reddit.count("/comments/p") == 3 - fetched_before


def test_trees_of_a_crawl_that_did_not_end_are_fetched_although_one_ended_before(
    crawler: Crawler, reddit: Reddit
) -> None:
    crawler.crawl("python")
    for each in reddit.posts:
        each["data"]["num_comments"] = 31
    for n in (1, 2, 3):
        tree = [comment(f"c{n}{k}", f"p{n}") for k in range(10, 41)]
        reddit.answers[f"/comments/p{n}"] = lambda _q, tree=tree: (200, [listing(), listing(*tree)])
    stop_at(crawler, reddit, "/comments/p1", "failed")
    crawler.crawl("python")
    assert [comments for _, _, comments in trees(crawler)] == [31, 31, 31]


def test_a_tree_that_was_fetched_is_asked_for_again_when_its_number_has_changed(
    crawler: Crawler, reddit: Reddit
) -> None:
    crawler.crawl("python")
    reddit.asked.clear()
    crawler.crawl("python")
    assert reddit.count("/comments/p") == 0
    reddit.posts[0]["data"]["num_comments"] = 40
    crawler.crawl("python")
    assert reddit.count("/comments/p") == 1


def test_comments_deleted_from_the_database_are_missing(crawler: Crawler, reddit: Reddit) -> None:
    """What is stored decides, not what was stored once; the counts say what was at the time."""
    crawler.crawl("python")
    crawler.rows("DELETE FROM comments WHERE post_id = 'p3' RETURNING id")
    crawler.rows("UPDATE posts SET tree_fetched_at = NULL, updated_at = now() RETURNING id")
    crawler.crawl("python")
    assert trees(crawler)[2] == ("p3", True, 30)


def test_posts_of_an_older_release_were_never_fetched_as_far_as_is_known(
    crawler: Crawler, reddit: Reddit
) -> None:
    """Their comments are counted: a post that has them all costs no request."""
    crawler.crawl("python")
    crawler.rows("UPDATE posts SET tree_fetched_at = NULL, updated_at = now() RETURNING id")
    reddit.asked.clear()
    crawler.crawl("python")
    assert reddit.count("/comments/p") == 0
    (row,) = crawler.rows("SELECT trees_whole, trees_not_whole FROM subreddits")
    assert (row.trees_whole, row.trees_not_whole) == (3, 0)


@pytest.mark.parametrize(("requests", "left"), [(3, 3), (4, 2), (5, 1)])
def test_trees_that_a_crawl_without_requests_left_are_fetched_by_the_next_one(
    crawler: Crawler, reddit: Reddit, requests: int, left: int
) -> None:
    whole = crawler.settings
    crawler.settings = replace(whole, max_requests_per_job=requests)
    assert crawler.crawl("python") == "crawled"
    rows = crawler.rows("SELECT kind, reason FROM missing_parts")
    assert [(row.kind, row.reason) for row in rows] == [("tree", "allowance")] * left
    (row,) = crawler.rows("SELECT missing_parts, next_crawl_at FROM subreddits")
    assert (row.missing_parts, row.next_crawl_at) == (left, None)
    assert crawler.value("SELECT incomplete FROM crawl_jobs")
    crawler.settings = whole
    reddit.asked.clear()
    crawler.crawl("python")
    assert trees(crawler) == WHOLE
    assert reddit.count("/comments/p") == left
    assert crawler.value("SELECT missing_parts FROM subreddits") == 0


@pytest.mark.parametrize("requests", [3, 7])
def test_histories_that_a_crawl_without_requests_left_are_read_by_the_next_one(
    crawler: Crawler, reddit: Reddit, requests: int
) -> None:
    for n, each in enumerate(reddit.posts):
        each["data"]["author"] = f"author{n}"
    whole = replace(crawler.settings, fetch_user_subreddits=True)
    crawler.settings = replace(whole, max_requests_per_job=requests)
    crawler.crawl("python")
    crawler.settings = whole
    crawler.crawl("python")
    unread = "SELECT name FROM authors WHERE history_fetched_at IS NULL"
    assert [row.name for row in crawler.rows(unread)] == []
