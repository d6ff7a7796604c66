"""Parts stay missing at the end of a crawl, whether or not the crawl requested them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from crawljobs.db.database import Database
from support import scripted_reddit
from support.crawls import DEFAULTS, Crawler
from support.scripted_reddit import ScriptedReddit, always, comment, html_page, listing, post
from support.scripted_reddit import server_error as broken

ABOUT_AND_LISTINGS = 3  # the number of requests for the description and both listings

refused = always(400, {"message": "Bad Request", "error": 400})


@pytest.fixture
def reddit() -> ScriptedReddit:
    """Return a post whose 5 comments are only in its tree, and a second post by another author."""
    reddit = ScriptedReddit([post("900", num_comments=5), post("899", author="bob")])
    tree = listing(*(comment(f"c{n}", "900") for n in range(5)))
    reddit.answers["/comments/900"] = lambda _query: (200, [listing(), tree])
    return reddit


@pytest.fixture
def crawler(reddit: ScriptedReddit, database: Database) -> Iterator[Crawler]:
    with scripted_reddit.serve(reddit) as url:
        yield Crawler(database, url, DEFAULTS)


def parts(crawler: Crawler) -> list[Any]:
    return crawler.rows(
        "SELECT kind, item, reason, failures, next_look_at - now() AS left FROM missing_parts "
        "ORDER BY kind, item"
    )


def jobs(crawler: Crawler) -> list[tuple[bool, int, list[str]]]:
    """Return of each job: incomplete or not, the number of parts, and the kinds of listed parts."""
    rows = crawler.rows(
        "SELECT incomplete, checkpoint FROM crawl_jobs WHERE source = 'user' ORDER BY id"
    )
    return [
        (
            row.incomplete,
            row.checkpoint.get("given_up", 0),
            sorted(part["kind"] for part in row.checkpoint.get("missing", [])),
        )
        for row in rows
    ]


def test_a_job_is_incomplete_while_a_part_waits_for_its_next_look(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    answer = reddit.answers["/comments/900"]
    reddit.answers["/comments/900"] = reddit.answers["/user/bob"] = refused
    for _ in range(3):
        crawler.crawl("python")
    both = (True, 2, ["history", "tree"])
    assert jobs(crawler) == [both] * 3
    assert reddit.count("/comments/900") == 2 * 2  # two crawls made two requests each for this tree
    reddit.answers["/comments/900"] = answer
    del reddit.answers["/user/bob"]
    crawler.rows("UPDATE missing_parts SET next_look_at = now() RETURNING kind")
    crawler.crawl("python")
    assert jobs(crawler) == [both] * 3 + [(False, 0, [])]


DUE = "UPDATE missing_parts SET failures = 3, next_look_at = now() - interval '1 s' RETURNING kind"


@pytest.mark.parametrize(
    ("path", "kind", "item"),
    [
        ("/comments/900", "tree", "900"),
        ("/user/bob", "history", "bob"),
        ("/r/python/comments", "comments", ""),
    ],
)
def test_a_part_that_was_not_reached_is_not_put_off_and_keeps_its_failures(
    crawler: Crawler, reddit: ScriptedReddit, path: str, kind: str, item: str
) -> None:
    answer = reddit.answers.get(path)
    reddit.answers[path] = broken
    crawler.crawl("python")
    crawler.rows(DUE)
    whole = crawler.settings
    crawler.settings = replace(whole, max_requests_per_job=ABOUT_AND_LISTINGS - 1)
    crawler.crawl("python")
    (part,) = [part for part in parts(crawler) if part.kind == kind]
    assert (part.item, part.reason, part.failures) == (item, "allowance", 3)
    assert part.left < timedelta(0)
    # The part fails for the fourth time, and a later crawl fetches it.
    crawler.settings = whole
    crawler.crawl("python")
    (part,) = parts(crawler)
    assert (part.reason, part.failures) == ("trouble", 4)
    if answer is None:
        del reddit.answers[path]
    else:
        reddit.answers[path] = answer
    crawler.rows(DUE)
    crawler.crawl("python")
    assert parts(crawler) == []


def test_names_that_were_not_reached_are_not_put_off(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.posts = [post(f"{900 - n}", selftext="r/rust", author=f"a{n}") for n in range(9)]
    reddit.answers["/api/info"] = lambda query: (
        html_page(query) if "sr_name" in query else (200, listing())
    )
    crawler.settings = replace(DEFAULTS, user_sub_fetch_limit=0)
    crawler.crawl("python")
    crawler.rows(DUE)
    crawler.settings = replace(crawler.settings, max_requests_per_job=ABOUT_AND_LISTINGS)
    crawler.crawl("python")
    (part,) = parts(crawler)
    assert (part.kind, part.reason, part.failures) == ("names", "allowance", 3)
    assert part.left < timedelta(0)
