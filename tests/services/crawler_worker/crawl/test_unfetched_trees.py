"""Each post records that its tree was fetched, so that later crawls fetch the trees that remain."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from crawler_worker.reddit import crawl_failures
from crawljobs.db.database import Database
from crawljobs.domain import completion
from crawljobs.domain.job import ErrorKind
from crawljobs.repository.queue import job_completion
from support import scripted_reddit
from support.crawls import DEFAULTS, Crawler
from support.scripted_reddit import ScriptedReddit, comment, listing, post


class Stopped(BaseException):
    """Stands for kill -9, a cancel or a failure, after which the crawl does not reach its end."""


class Reddit(ScriptedReddit):
    """Three posts with 30 comments each. None of these is among the newest comments."""

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
    """Run a crawl that ends as `how` says when it requests the tree at `tree`."""
    crawler.enqueue("python")
    claim = crawler.claim()
    answer = reddit.answers[tree]

    def stop(query: Any) -> Any:
        with crawler.database.begin() as conn:
            end = completion.failed(claim, kind=ErrorKind.PERMANENT, message="stopped by the test")
            job_completion.complete_claim(conn, end)
            if how == "cancelled":
                conn.exec_driver_sql("UPDATE crawl_jobs SET status = 'cancelled'")
        return answer(query)

    reddit.answers[tree] = stop
    with pytest.raises(Exception, match="no longer holds the claim"):
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
    # Trees that the ended crawl has fetched are not requested again.
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


def test_a_number_that_a_history_has_raised_makes_its_tree_wanted(
    crawler: Crawler, reddit: Reddit
) -> None:
    """A history is read after the trees. It shows a newer number of comments than the listing."""
    crawler.settings = replace(crawler.settings, fetch_user_subreddits=True)
    newer = [post(f"p{n}", num_comments=37) for n in (3, 2, 1)]
    reddit.answers["/user/ada/overview"] = lambda _q: (200, listing(*newer))
    crawler.crawl("python")
    assert [row.num_comments for row in crawler.rows("SELECT num_comments FROM posts")] == [37] * 3
    reddit.posts = newer
    for n in (1, 2, 3):
        tree = [comment(f"c{n}{k}", f"p{n}") for k in range(10, 47)]
        reddit.answers[f"/comments/p{n}"] = lambda _q, tree=tree: (200, [listing(), listing(*tree)])
    reddit.asked.clear()
    crawler.crawl("python")
    assert [comments for _, _, comments in trees(crawler)] == [37] * 3
    crawler.crawl("python")
    assert reddit.count("/comments/p") == 3  # the third crawl requests no tree


def test_a_number_that_was_raised_while_the_tree_was_fetched_makes_it_wanted(
    crawler: Crawler, reddit: Reddit
) -> None:
    """The refresh of older items or the crawl of another subreddit may raise the number."""
    answer = reddit.answers["/comments/p1"]

    def raise_it(query: Any) -> Any:
        crawler.rows("UPDATE posts SET num_comments = 33, updated_at = now() RETURNING id")
        return answer(query)

    reddit.answers["/comments/p1"] = raise_it
    crawler.crawl("python")
    for each in reddit.posts:
        each["data"]["num_comments"] = 33
    reddit.asked.clear()
    for _ in range(3):
        crawler.crawl("python")
    assert reddit.count("/comments/p") == 3


@pytest.mark.parametrize("pages", [1, 2])
def test_trees_beyond_those_of_one_crawl_are_fetched_by_the_next_ones(
    crawler: Crawler, reddit: Reddit, pages: int
) -> None:
    """Nothing has changed meanwhile, and later crawls of the listing end before these posts."""
    quiet = [post(f"{999 - n}") for n in range(100 * (pages - 1))]
    busy = [post(f"{500 - n}", num_comments=2) for n in range(60)]
    reddit.posts = [*quiet, *busy]
    for each in busy:
        name = each["data"]["id"]
        reddit.trees[name] = [comment(f"c{name}{n}", name) for n in range(2)]
    fetched = []
    for _ in range(5):
        reddit.asked.clear()
        crawler.crawl("python")
        fetched.append(reddit.count("/comments/"))
    assert fetched == [25, 25, 10, 0, 0]
    assert crawler.value("SELECT count(*) FROM comments") == 120
    (row,) = crawler.rows("SELECT trees_whole, trees_not_whole FROM subreddits")
    assert (row.trees_whole, row.trees_not_whole) == (len(reddit.posts), 0)


def test_a_crawl_that_goes_on_chooses_no_further_trees(crawler: Crawler, reddit: Reddit) -> None:
    """Otherwise each interruption would add the trees of one more crawl."""
    reddit.posts = [post(f"{500 - n}", num_comments=1) for n in range(60)]
    reddit.trees = {str(500 - n): [comment(f"c{500 - n}", str(500 - n))] for n in range(60)}
    stop = threading.Event()
    reddit.answers["/comments/445"] = lambda _q: stop.set() or reddit._tree("445")(_q)  # type: ignore[func-returns-value]
    crawler.enqueue("python")
    claim = crawler.claim()
    with pytest.raises(crawl_failures.Interrupted):
        crawler.run(claim, stop=stop)
    crawler.release(claim)
    assert crawler.run(crawler.claim()) == "crawled"
    assert len({path for path in reddit.asked if path.startswith("/comments/")}) == 25


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
    """Whether a tree is fetched again depends on the comments that are stored now."""
    crawler.crawl("python")
    crawler.rows("DELETE FROM comments WHERE post_id = 'p3' RETURNING id")
    crawler.rows("UPDATE posts SET tree_fetched_at = NULL, updated_at = now() RETURNING id")
    crawler.crawl("python")
    assert trees(crawler)[2] == ("p3", True, 30)


def test_posts_of_an_older_release_were_never_fetched_as_far_as_is_known(
    crawler: Crawler, reddit: Reddit
) -> None:
    """The stored comments are counted. A post that has all its comments costs no request."""
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
