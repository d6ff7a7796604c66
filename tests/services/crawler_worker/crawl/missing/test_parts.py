"""A part that Reddit does not answer for is given up, said to be missing, and looked at again."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.crawl.checkpoints.saved_checkpoint import UnreadableCheckpoint
from crawler_worker.crawl.missing import parts
from crawler_worker.reddit import crawl_failures
from crawljobs.db.database import Database
from crawljobs.domain import missing_part
from crawljobs.repository.content import missing_parts as repository
from support import scripted_reddit
from support.crawls import DEFAULTS, Crawler
from support.scripted_reddit import HTML, ScriptedReddit, always, comment, html_page, more, post
from support.scripted_reddit import server_error as broken

NULL_CHILDREN = {"kind": "Listing", "data": {"children": None, "after": None}}
# Every reply that says that this request failed, and nothing about more than that.
FAILURES = {
    "400 as a page": always(400, HTML),
    "400": always(400, {"message": "Bad Request", "error": 400}),
    "500": broken,
    "503 as a page": always(503, HTML),
    "a page with 200": html_page,
    "nothing": always(200, b""),
    "null": always(200, None),
    "children null": always(200, NULL_CHILDREN),
    "another kind": always(200, {"kind": "t2", "data": {}}),
    "a list": always(200, []),
    "too large": always(413, {}),
}


@pytest.fixture
def reddit() -> ScriptedReddit:
    """250 posts, of which two have comments that their trees alone show; 250 other comments."""
    posts = [post(f"{9999 - n}") for n in range(250)]
    posts[0]["data"].update(num_comments=3)
    posts[1]["data"].update(num_comments=1)
    others = [comment(f"c{999 - n}", "9900", author=f"a{n % 3}") for n in range(250)]
    reddit = ScriptedReddit(posts, others)
    reddit.trees["9999"] = [comment(f"t{n}", "9999") for n in range(3)]
    reddit.trees["9998"] = [comment("s0", "9998")]
    return reddit


LISTED = "SELECT count(*) FROM comments WHERE post_id = '9900'"
IN_TREES = "SELECT count(*) FROM comments WHERE post_id <> '9900'"


@pytest.fixture
def crawler(reddit: ScriptedReddit, database: Database) -> Iterator[Crawler]:
    with scripted_reddit.serve(reddit) as url:
        # Quick, and no breaker opens: a test of many failures is not about an outage.
        yield Crawler(database, url, replace(DEFAULTS, max_requests_per_job=10_000))


def subreddit(crawler: Crawler) -> Any:
    (row,) = crawler.rows("SELECT * FROM subreddits WHERE name = 'python'")
    return row


def missing(crawler: Crawler) -> list[tuple[str, str, str]]:
    rows = crawler.rows("SELECT kind, item, reason FROM missing_parts ORDER BY kind, item")
    return [(row.kind, row.item, row.reason) for row in rows]


def is_incomplete(crawler: Crawler) -> list[bool]:
    """Of each job of somebody, in their order."""
    rows = crawler.rows("SELECT incomplete FROM crawl_jobs WHERE source = 'user' ORDER BY id")
    return [row.incomplete for row in rows]


PARTS = {
    "a later page of posts": ("/r/python/new?after", "posts", "t3_9900"),
    "the first page of comments": ("/r/python/comments", "comments", ""),
    "a later page of comments": ("/r/python/comments?after", "comments", "t1_c900"),
    "a tree": ("/comments/9999", "tree", "9999"),
    "a history": ("/user/a1/overview", "history", "a1"),
}


def reason_of(failure: str, kind: str) -> str:
    """Reddit never says of a page of posts that it is too large."""
    by_failure = {"400": "refused", "422": "refused"}
    if kind != "posts":
        by_failure["too large"] = "too_large"
    return by_failure.get(failure, "trouble")


# By default each failure with one part alone; below with the other parts at once.
PAIRS = [
    pytest.param(part, failure, marks=() if n % len(PARTS) == number else pytest.mark.deep)
    for n, failure in enumerate(FAILURES)
    for number, part in enumerate(PARTS)
]


@pytest.mark.parametrize(("part", "failure"), PAIRS)
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
    # Everything else is there.
    assert crawler.value("SELECT count(*) FROM posts") == (100 if kind == "posts" else 250)
    wanted = {"/r/python/comments": 0, "/r/python/comments?after": 100}.get(path, 250)
    assert crawler.value(LISTED) == wanted
    assert crawler.value(IN_TREES) == (1 if kind == "tree" else 4)
    # It is healed, and the next crawl fetches what is missing.
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
    """Without those, a crawl fetches the busiest trees of all, and leaves others out."""
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


# Every part but the first page of comments, which is one with its later pages.
AT_ONCE = [part for part in PARTS if part != "the first page of comments"]


@pytest.mark.parametrize("failure", FAILURES)
def test_a_crawl_goes_on_without_all_parts_at_once(
    crawler: Crawler, reddit: ScriptedReddit, failure: str
) -> None:
    """Whatever the failure is, it costs each part that it meets and nothing else."""
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


# Each gives up a part at once, unless the second look is another one.
DENIALS = {
    "400": (400, {"message": "Bad Request", "error": 400}),
    "422": (422, {"message": "Unprocessable Entity", "error": 422}),
    "404": (404, {"message": "Not Found", "error": 404}),
    "private": (403, {"reason": "private", "message": "Forbidden", "error": 403}),
    "too large": (413, b""),
}


@pytest.mark.parametrize("path", ["/r/python/comments", "/comments/9999", "/user/a1/overview"])
@pytest.mark.parametrize("denial", DENIALS.values(), ids=DENIALS)
def test_a_part_that_is_denied_once_is_asked_for_again_in_place(
    crawler: Crawler, reddit: ScriptedReddit, path: str, denial: tuple[int, Any]
) -> None:
    def once(_query: scripted_reddit.Query) -> tuple[int, Any]:
        del reddit.answers[path]
        return denial

    reddit.answers[path] = once
    assert crawler.crawl("python") == "crawled"
    assert path not in reddit.answers
    assert (missing(crawler), is_incomplete(crawler)) == ([], [False])
    assert crawler.value(LISTED) == 250


@pytest.mark.parametrize("path", ["/r/python/about", "/r/python/new"])
@pytest.mark.parametrize("failure", ["400", "500", "a page with 200", "children null"])
def test_what_a_crawl_requires_decides_about_the_job(
    crawler: Crawler, reddit: ScriptedReddit, path: str, failure: str
) -> None:
    reddit.answers[path] = FAILURES[failure]
    crawler.enqueue("python")
    with pytest.raises(
        (crawl_failures.UpstreamTrouble, crawl_failures.BadRequest, crawl_failures.NothingClear)
    ):
        crawler.run(crawler.claim())
    assert missing(crawler) == []


def every_failure() -> list[type[crawl_failures.CrawlFailure]]:
    found, waiting = [], [crawl_failures.CrawlFailure]
    while waiting:
        kind = waiting.pop()
        # Other tests define failures of their own.
        waiting += [one for one in kind.__subclasses__() if one.__module__.startswith("crawler_")]
        found.append(kind)
    return found


@pytest.mark.parametrize("kind", every_failure())
def test_what_is_no_fault_of_a_part_decides_about_the_job(
    kind: type[crawl_failures.CrawlFailure],
) -> None:
    error = kind.__new__(kind)
    is_about_more = issubclass(kind, crawl_failures.Deferred | crawl_failures.TokenRefused)
    if is_about_more or kind in (crawl_failures.CrawlFailure, UnreadableCheckpoint):
        assert parts.reason_of(error) is None
    else:
        assert parts.reason_of(error) is not None


def test_a_crawl_that_must_wait_gives_up_no_part(crawler: Crawler, reddit: ScriptedReddit) -> None:
    crawler.enqueue("python")
    crawler.rows("UPDATE subreddits SET min_request_gap_seconds = 60 RETURNING id")
    saved = Checkpoint(phase="trees", busiest=(("9999", 300),), requests=1).saved()
    claim = crawler.claim()
    saved["asked_at"] = claim.claimed_at.isoformat()
    with pytest.raises(crawl_failures.TooSoon):
        crawler.run(claim._replace(checkpoint=saved))
    assert missing(crawler) == []


def test_an_author_who_is_gone_is_no_missing_part(crawler: Crawler, reddit: ScriptedReddit) -> None:
    reddit.answers["/user/a1/overview"] = always(404, {"message": "Not Found", "error": 404})
    reddit.answers["/user/a2/overview"] = always(403, {"message": "Forbidden", "error": 403})
    suspended = {"kind": "t2", "data": {"name": "a2", "is_suspended": True}}
    reddit.answers["/user/a2/about"] = always(200, suspended)
    crawler.crawl("python")
    assert (missing(crawler), is_incomplete(crawler)) == ([], [False])
    assert crawler.value("SELECT count(*) FROM authors WHERE history_fetched_at IS NULL") == 0


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, HTML),
        (403, b""),
        (403, {"error": "insufficient_scope"}),
        (403, {"message": "Forbidden", "error": 403}),
        (404, HTML),
        (451, HTML),
    ],
)
@pytest.mark.parametrize("path", ["/user/a1/overview", "/comments/9999"])
def test_a_part_that_gets_an_unclear_reply_is_missing_and_not_gone(
    crawler: Crawler, reddit: ScriptedReddit, path: str, status: int, body: Any
) -> None:
    reddit.answers[path] = always(status, body)
    reddit.answers["/user/a1/about"] = always(200, {"kind": "t2", "data": {"name": "a1"}})
    assert crawler.crawl("python") == "crawled"
    ((_, item, _),) = missing(crawler)
    assert item in path
    unread = crawler.rows("SELECT name FROM authors WHERE history_fetched_at IS NULL")
    assert [row.name for row in unread] == [item] * (item == "a1")
    assert subreddit(crawler).access == "public"


@pytest.mark.parametrize("failures", [1, 2])
def test_a_history_that_a_neighbour_has_read_is_not_missing(
    crawler: Crawler, reddit: ScriptedReddit, failures: int
) -> None:
    """Authors are shared: the crawl of another subreddit may read the history meanwhile."""
    reddit.answers["/user/a1/overview"] = broken
    for _ in range(failures):
        crawler.crawl("python")
    del reddit.answers["/user/a1/overview"]
    crawler.rows("UPDATE authors SET history_fetched_at = now() RETURNING id")
    crawler.rows("UPDATE missing_parts SET next_look_at = now() RETURNING kind")
    asked = reddit.count("/user/a1/overview")
    crawler.crawl("python")
    assert missing(crawler) == []
    assert is_incomplete(crawler) == [*[True] * failures, False]
    assert subreddit(crawler).missing_parts == 0
    assert reddit.count("/user/a1/overview") == asked


@pytest.mark.parametrize(("limit", "left"), [(1, 0), (0, 3)])
def test_all_histories_that_were_given_up_are_looked_at_again(
    crawler: Crawler, reddit: ScriptedReddit, limit: int, left: int
) -> None:
    """More may be missing than a crawl reads otherwise: those of several crawls."""
    for name in ("a0", "a1", "a2"):
        reddit.answers[f"/user/{name}/overview"] = FAILURES["400"]
    crawler.crawl("python")
    assert subreddit(crawler).missing_parts == 3
    for name in ("a0", "a1", "a2"):
        del reddit.answers[f"/user/{name}/overview"]
    crawler.rows(
        "UPDATE missing_parts SET failures = 2, next_look_at = now() - interval '1 s' "
        "RETURNING kind"
    )
    crawler.settings = replace(crawler.settings, user_sub_fetch_limit=limit)
    crawler.crawl("python")
    assert len(missing(crawler)) == left


def all_of_them(query: scripted_reddit.Query) -> tuple[int, Any]:
    found = [comment(item, "9999") for item in query["children"].split(",")]
    return 200, {"json": {"data": {"things": found}}}


MANY = [f"m{n}" for n in range(250)]  # ids of stubs: three requests


@pytest.mark.parametrize("failure", [*FAILURES, "422", "404 as a page", "403 as a page"])
def test_children_that_are_refused_cost_no_other_tree(
    crawler: Crawler, reddit: ScriptedReddit, failure: str
) -> None:
    others = {
        "422": always(422, {"message": "Unprocessable Entity", "error": 422}),
        "404 as a page": always(404, HTML),
        "403 as a page": always(403, HTML),
    }
    reddit.posts[0]["data"].update(num_comments=251)
    reddit.trees["9999"] = [comment("t1", "9999"), more(*MANY, parent="t3_9999")]
    reddit.answers["/api/morechildren"] = {**FAILURES, **others}[failure]
    assert crawler.crawl("python") == "crawled"
    reason = reason_of(failure, "more_children")
    assert missing(crawler) == [("more_children", "9999", reason)]
    assert is_incomplete(crawler) == [True]
    stored = crawler.rows("SELECT id FROM comments WHERE post_id IN ('9998', '9999') ORDER BY id")
    assert [row.id for row in stored] == ["s0", "t1"]
    (row,) = crawler.rows("SELECT * FROM posts WHERE id = '9999'")
    assert (row.comments_stored, row.comments_missing) == (1, 250)
    marks = subreddit(crawler)
    assert (marks.high_water_post, marks.high_water_comment) == ("9999", "c999")
    assert marks.last_crawled_at is not None
    # Healed: the tree is fetched again as a whole.
    reddit.answers["/api/morechildren"] = all_of_them
    crawler.crawl("python")
    assert (missing(crawler), is_incomplete(crawler)) == ([], [True, False])
    (row,) = crawler.rows("SELECT * FROM posts WHERE id = '9999'")
    assert (row.comments_stored, row.comments_missing) == (251, 0)


def test_an_operator_is_told_of_each_part_and_item_that_is_left_out(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.answers["/comments/9999"] = FAILURES["400"]
    reddit.posts = [
        *reddit.posts[:40],
        {"kind": "t3", "data": {"id": "?"}},
        {"kind": "t9", "data": {"id": "1"}},
    ]
    reddit.comments = reddit.comments[:40]
    with capture_logs() as told:
        crawler.crawl("python")
    job_id = crawler.value("SELECT id FROM crawl_jobs WHERE source = 'user'")
    left_out = [line for line in told if line["log_level"] == "warning"]
    assert {line["job_id"] for line in left_out} == {job_id}
    (page,) = [line for line in left_out if line["event"] == "items.dropped"]
    assert (page["phase"], page["dropped"], page["unknown"]) == ("comments", 1, 1)
    (part,) = [line for line in left_out if line["event"] == "crawl.part_given_up"]
    names = ("subreddit", "kind", "item", "reason", "failures")
    assert tuple(part[name] for name in names) == ("python", "tree", "9999", "refused", 1)
    assert part["error"]
    next_look = crawler.value("SELECT next_look_at FROM missing_parts")
    assert part["next_look_at"] == next_look.isoformat()


def test_an_interrupted_crawl_does_not_ask_again_for_a_part_that_it_gave_up(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    """It would count as a second failure, and each restart would cost the same requests."""
    stop = threading.Event()

    def refused_then_stop(_query: dict[str, str]) -> tuple[int, Any]:
        stop.set()
        return 400, {"message": "Bad Request", "error": 400}

    reddit.answers["/comments/9999"] = refused_then_stop
    job_id = crawler.enqueue("python")
    claim = crawler.claim()
    with pytest.raises(crawl_failures.Interrupted):
        crawler.run(claim, stop=stop)
    crawler.release(claim)
    assert crawler.run(crawler.claim()) == "crawled"
    assert reddit.count("/comments/9999") == 2  # both in place
    assert crawler.value("SELECT failures FROM missing_parts") == 1
    checkpoint = crawler.checkpoint(job_id)
    assert (checkpoint["given_up"], len(checkpoint["missing"])) == (1, 1)


def test_a_part_that_is_broken_for_ever_is_asked_for_ever_more_rarely(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.answers["/comments/9999"] = broken
    delays = []
    for _ in range(4):
        crawler.crawl("python")
        (row,) = crawler.rows("SELECT failures, next_look_at - now() AS left FROM missing_parts")
        delays.append(round(row.left / timedelta(hours=1)))
        crawler.rows("UPDATE missing_parts SET next_look_at = now() RETURNING kind")
    assert delays == [1, 2, 4, 8]
    crawler.rows("UPDATE missing_parts SET next_look_at = now() + interval '1 h' RETURNING kind")
    asked = reddit.count("/comments/9999")
    crawler.crawl("python")
    assert reddit.count("/comments/9999") == asked
    assert subreddit(crawler).missing_parts == 1


@pytest.mark.parametrize("path", ["/r/python/new?after", "/r/python/comments?after"])
def test_a_page_that_is_broken_for_ever_is_asked_for_ever_more_rarely_and_skips_nothing(
    crawler: Crawler, reddit: ScriptedReddit, path: str
) -> None:
    """Meanwhile what is new is stored; afterwards so is everything below the broken page."""
    reddit.answers[path] = broken
    crawler.crawl("python")
    crawler.crawl("python")  # a first failure is looked at by the next crawl in any case
    asked = reddit.count(path)
    for n in range(3):
        reddit.posts.insert(0, post(f"{10_000 + n}"))
        reddit.comments.insert(0, comment(f"d{100 + n}", "9900"))
        crawler.crawl("python")
    assert reddit.count(path) == asked
    kind = "comments" if "comments" in path else "posts"
    count = LISTED if kind == "comments" else "SELECT count(*) FROM posts"
    assert crawler.value(count) == 103
    mark = "high_water_comment" if kind == "comments" else "high_water_post"
    assert getattr(subreddit(crawler), mark) is None
    del reddit.answers[path]
    crawler.rows("UPDATE missing_parts SET next_look_at = now() RETURNING kind")
    crawler.crawl("python")
    assert crawler.value(count) == 253
    assert getattr(subreddit(crawler), mark) is not None
    assert missing(crawler) == []


def test_a_subreddit_is_due_when_its_missing_part_is(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.answers["/comments/9999"] = broken
    crawler.crawl("python")
    left = crawler.value("SELECT next_crawl_at - now() FROM subreddits WHERE name = 'python'")
    assert timedelta(minutes=59) < left <= timedelta(minutes=60)


def test_a_part_that_no_crawl_asks_for_makes_no_crawl_every_hour(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.answers["/user/a1/overview"] = broken
    crawler.crawl("python")
    crawler.rows("UPDATE missing_parts SET next_look_at = now() RETURNING kind")
    crawler.settings = replace(crawler.settings, fetch_user_subreddits=False)
    crawler.crawl("python")
    left = crawler.value("SELECT next_crawl_at - now() FROM subreddits WHERE name = 'python'")
    assert timedelta(days=13) < left <= timedelta(days=14)


def test_a_job_lists_the_first_parts_and_counts_all(
    crawler: Crawler, reddit: ScriptedReddit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missing_part, "LISTED_MAX", 2)
    reddit.answers["/user/"] = FAILURES["400"]  # several 500 in a row are an outage
    crawler.crawl("python")
    checkpoint = crawler.checkpoint()
    assert (len(checkpoint["missing"]), checkpoint["given_up"]) == (2, 4)
    assert subreddit(crawler).missing_parts == 4


def test_a_subreddit_keeps_the_parts_that_failed_last(
    crawler: Crawler, reddit: ScriptedReddit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "STORED_MAX", 3)
    reddit.answers["/user/"] = FAILURES["400"]  # several 500 in a row are an outage
    crawler.crawl("python")
    assert subreddit(crawler).missing_parts == 3


def test_names_that_could_not_be_looked_up_are_looked_up_by_the_next_crawl(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    """Although it meets nothing new."""
    for n, each in enumerate(reddit.posts[:20]):
        each["data"].update(selftext="see r/rust and r/golang", author=f"author{n}")
    reddit.answers["/api/info"] = lambda query: (
        html_page(query) if "sr_name" in query else (200, scripted_reddit.listing())
    )
    crawler.crawl("python")
    assert missing(crawler) == [("names", "", "trouble")]
    asked = reddit.count("/api/info")
    del reddit.answers["/api/info"]
    crawler.crawl("python")
    assert reddit.count("/api/info") == asked + 1
    assert missing(crawler) == []
