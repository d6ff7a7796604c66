"""Some failures give up one part of a crawl, and others end the whole crawl."""

from dataclasses import replace
from typing import Any

import pytest

from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.crawl.checkpoints.saved_checkpoint import UnreadableCheckpoint
from crawler_worker.crawl.missing import parts
from crawler_worker.reddit import crawl_failures
from support import scripted_reddit
from support.crawls import Crawler
from support.matrices import each_once
from support.missing_parts import FAILURES, LISTED, is_incomplete, missing, subreddit
from support.scripted_reddit import HTML, ScriptedReddit, always
from support.scripted_reddit import server_error as broken

# Replies that deny a part. A crawl gives up the part after two equal replies.
DENIALS = {
    "400": (400, {"message": "Bad Request", "error": 400}),
    "422": (422, {"message": "Unprocessable Entity", "error": 422}),
    "404": (404, {"message": "Not Found", "error": 404}),
    "private": (403, {"reason": "private", "message": "Forbidden", "error": 403}),
    "too large": (413, b""),
}


@pytest.mark.parametrize(
    ("path", "denial"),
    each_once(["/r/python/comments", "/comments/9999", "/user/a1/overview"], DENIALS),
)
def test_a_part_that_is_denied_once_is_asked_for_again_in_place(
    crawler: Crawler, reddit: ScriptedReddit, path: str, denial: str
) -> None:
    def once(_query: scripted_reddit.Query) -> tuple[int, Any]:
        del reddit.answers[path]
        return DENIALS[denial]

    reddit.answers[path] = once
    assert crawler.crawl("python") == "crawled"
    assert path not in reddit.answers
    assert (missing(crawler), is_incomplete(crawler)) == ([], [False])
    assert crawler.value(LISTED) == 250


@pytest.mark.parametrize(
    ("path", "failure"),
    each_once(
        ["/r/python/about", "/r/python/new"], ["400", "500", "a page with 200", "children null"]
    ),
)
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
        # Only the crawler's own failures count: other tests define further subclasses.
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


UNCLEAR: dict[str, tuple[int, Any]] = {
    "403 as a page": (403, HTML),
    "403 without a body": (403, b""),
    "403 for the scope": (403, {"error": "insufficient_scope"}),
    "403": (403, {"message": "Forbidden", "error": 403}),
    "404 as a page": (404, HTML),
    "451 as a page": (451, HTML),
}


@pytest.mark.parametrize(
    ("path", "reply"), each_once(["/user/a1/overview", "/comments/9999"], UNCLEAR)
)
def test_a_part_that_gets_an_unclear_reply_is_missing_and_not_gone(
    crawler: Crawler, reddit: ScriptedReddit, path: str, reply: str
) -> None:
    reddit.answers[path] = always(*UNCLEAR[reply])
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
    """The crawl of another subreddit may read the history meanwhile, because authors are shared."""
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
    """Several crawls may have given up more histories than one crawl reads otherwise."""
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
