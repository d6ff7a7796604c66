"""A crawl gives up a part that Reddit does not send, records it as missing, and tries it later."""

from collections.abc import Iterable
from typing import Any

import pytest

from support import scripted_reddit
from support.crawls import Crawler
from support.matrices import each_once
from support.missing_parts import FAILURES, IN_TREES, LISTED, is_incomplete, missing, subreddit
from support.scripted_reddit import HTML, ScriptedReddit, always, comment, more

PARTS = {
    "a later page of posts": ("/r/python/new?after", "posts", "t3_9900"),
    "the first page of comments": ("/r/python/comments", "comments", ""),
    "a later page of comments": ("/r/python/comments?after", "comments", "t1_c900"),
    "a tree": ("/comments/9999", "tree", "9999"),
    "a history": ("/user/a1/overview", "history", "a1"),
}


def reason_of(failure: str, kind: str) -> str:
    """Return the stored reason of a failure. Pages of posts are never too large."""
    by_failure = {"400": "refused", "422": "refused"}
    if kind != "posts":
        by_failure["too large"] = "too_large"
    return by_failure.get(failure, "trouble")


# A failure of each reason, and both kinds of replies that are no JSON or have no children.
REPRESENTATIVES = ("400", "500", "a page with 200", "children null", "too large")


def by_default(failures: Iterable[str], *more: str) -> list[Any]:
    """Mark all failures but the representatives and `more` with `deep`."""
    chosen = (*REPRESENTATIVES, *more)
    return [
        pytest.param(failure, marks=() if failure in chosen else pytest.mark.deep)
        for failure in failures
    ]


# Without --deep, each failure is tried with one part. A test below tries all parts at once.
@pytest.mark.parametrize(("part", "failure"), each_once(PARTS, FAILURES))
def test_a_crawl_goes_on_without_a_part_that_fails(
    crawler: Crawler, reddit: ScriptedReddit, part: str, failure: str
) -> None:
    path, kind, item = PARTS[part]
    reddit.answers[path] = FAILURES[failure]
    assert crawler.crawl("python") == "crawled"
    ((found_kind, found_item, reason),) = missing(crawler)
    assert (found_kind, found_item) == (kind, item)
    assert reason == reason_of(failure, kind)
    assert is_incomplete(crawler) == [True]
    row = subreddit(crawler)
    assert row.missing_parts == 1
    assert row.last_crawled_at is not None
    # All other parts are stored.
    assert crawler.value("SELECT count(*) FROM posts") == (100 if kind == "posts" else 250)
    wanted = {"/r/python/comments": 0, "/r/python/comments?after": 100}.get(path, 250)
    assert crawler.value(LISTED) == wanted
    assert crawler.value(IN_TREES) == (1 if kind == "tree" else 4)
    # Reddit sends the part again. The next crawl fetches it.
    del reddit.answers[path]
    assert crawler.crawl("python") == "crawled"
    assert missing(crawler) == []
    assert is_incomplete(crawler) == [True, False]
    assert subreddit(crawler).missing_parts == 0
    assert crawler.value("SELECT count(*) FROM posts") == 250
    assert (crawler.value(LISTED), crawler.value(IN_TREES)) == (250, 4)
    assert (row.high_water_post, row.high_water_comment) == (
        None if kind == "posts" else "9999",
        None if kind == "comments" else "c999",
    )
    assert (subreddit(crawler).high_water_post, subreddit(crawler).high_water_comment) == (
        "9999",
        "c999",
    )


def test_trees_are_chosen_again_once_the_newest_comments_can_be_read(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    """Without the newest comments, a crawl fetches only the trees with most comments."""
    reddit.comments.clear()
    for n, each in enumerate(reddit.posts[:30]):
        name = each["data"]["id"]
        each["data"].update(num_comments=1 + n)
        tree = scripted_reddit.listing(*(comment(f"{name}x{k}", name) for k in range(1 + n)))
        reddit.answers[f"/comments/{name}"] = always(200, [scripted_reddit.listing(), tree])
    reddit.answers["/r/python/comments"] = FAILURES["a page with 200"]
    crawler.crawl("python")
    assert crawler.value("SELECT count(DISTINCT post_id) FROM comments") == 25
    del reddit.answers["/r/python/comments"]
    crawler.crawl("python")
    assert missing(crawler) == []
    assert crawler.value("SELECT count(*) FROM comments") == sum(range(1, 31))
    asked = reddit.count("/comments/")
    crawler.crawl("python")
    assert reddit.count("/comments/") == asked == 30


# All parts but the first page of comments: together with the later pages it is one part.
AT_ONCE = [part for part in PARTS if part != "the first page of comments"]


@pytest.mark.parametrize("failure", by_default(FAILURES))
def test_a_crawl_goes_on_without_all_parts_at_once(
    crawler: Crawler, reddit: ScriptedReddit, failure: str
) -> None:
    """Each failure costs only the parts that it concerns."""
    for part in AT_ONCE:
        reddit.answers[PARTS[part][0]] = FAILURES[failure]
    assert crawler.crawl("python") == "crawled"
    expected = [
        (kind, item, reason_of(failure, kind))
        for _, kind, item in (PARTS[part] for part in AT_ONCE)
    ]
    assert missing(crawler) == sorted(expected)
    assert is_incomplete(crawler) == [True]
    counts = [crawler.value(query) for query in ("SELECT count(*) FROM posts", LISTED, IN_TREES)]
    assert counts == [100, 100, 1]
    unread = crawler.rows("SELECT name FROM authors WHERE history_fetched_at IS NULL")
    assert [row.name for row in unread] == ["a1"]
    reddit.answers.clear()
    assert crawler.crawl("python") == "crawled"
    assert (missing(crawler), is_incomplete(crawler)) == ([], [True, False])
    counts = [crawler.value(query) for query in ("SELECT count(*) FROM posts", LISTED, IN_TREES)]
    assert counts == [250, 250, 4]


def all_of_them(query: scripted_reddit.Query) -> tuple[int, Any]:
    found = [comment(item, "9999") for item in query["children"].split(",")]
    return 200, {"json": {"data": {"things": found}}}


MANY = [f"m{n}" for n in range(250)]  # ids behind stubs, which take three requests


OTHERS = ("422", "404 as a page", "403 as a page")


@pytest.mark.parametrize("failure", by_default([*FAILURES, *OTHERS], "404 as a page"))
def test_children_that_are_refused_cost_no_other_tree(
    crawler: Crawler, reddit: ScriptedReddit, failure: str
) -> None:
    others = {
        "422": always(422, {"message": "Unprocessable Entity", "error": 422}),
        "404 as a page": always(404, HTML),
        "403 as a page": always(403, HTML),
    }
    # After a reply that is too large, the crawl asks for fewer and fewer, and then for each one.
    children = MANY[:12] if failure == "too large" else MANY
    missed = len(children)
    reddit.posts[0]["data"].update(num_comments=missed + 1)
    reddit.trees["9999"] = [comment("t1", "9999"), more(*children, parent="t3_9999")]
    reddit.answers["/api/morechildren"] = {**FAILURES, **others}[failure]
    assert crawler.crawl("python") == "crawled"
    reason = reason_of(failure, "more_children")
    assert missing(crawler) == [("more_children", "9999", reason)]
    assert is_incomplete(crawler) == [True]
    stored = crawler.rows("SELECT id FROM comments WHERE post_id IN ('9998', '9999') ORDER BY id")
    assert [row.id for row in stored] == ["s0", "t1"]
    (row,) = crawler.rows("SELECT * FROM posts WHERE id = '9999'")
    assert (row.comments_stored, row.comments_missing) == (1, missed)
    marks = subreddit(crawler)
    assert (marks.high_water_post, marks.high_water_comment) == ("9999", "c999")
    assert marks.last_crawled_at is not None
    # Reddit answers again, and the crawl fetches the whole tree.
    reddit.answers["/api/morechildren"] = all_of_them
    crawler.crawl("python")
    assert (missing(crawler), is_incomplete(crawler)) == ([], [True, False])
    (row,) = crawler.rows("SELECT * FROM posts WHERE id = '9999'")
    assert (row.comments_stored, row.comments_missing) == (missed + 1, 0)
