"""Replies by which a part of a crawl fails, and reads of the rows that the crawl then stores."""

from typing import Any

from support.crawls import Crawler
from support.scripted_reddit import HTML, always, html_page
from support.scripted_reddit import server_error as broken

NULL_CHILDREN = {"kind": "Listing", "data": {"children": None, "after": None}}

# The kinds of replies that mean only that this one request failed.
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

LISTED = "SELECT count(*) FROM comments WHERE post_id = '9900'"

IN_TREES = "SELECT count(*) FROM comments WHERE post_id <> '9900'"


def subreddit(crawler: Crawler) -> Any:
    (row,) = crawler.rows("SELECT * FROM subreddits WHERE name = 'python'")
    return row


def missing(crawler: Crawler) -> list[tuple[str, str, str]]:
    rows = crawler.rows("SELECT kind, item, reason FROM missing_parts ORDER BY kind, item")
    return [(row.kind, row.item, row.reason) for row in rows]


def is_incomplete(crawler: Crawler) -> list[bool]:
    """Return `incomplete` of each job that a user requested, in the order of the jobs."""
    rows = crawler.rows("SELECT incomplete FROM crawl_jobs WHERE source = 'user' ORDER BY id")
    return [row.incomplete for row in rows]
