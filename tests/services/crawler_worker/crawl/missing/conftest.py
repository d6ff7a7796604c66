"""Fixtures of missing parts: a subreddit with posts, comments and two trees, and its crawler."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from crawljobs.db.database import Database
from support import scripted_reddit
from support.crawls import DEFAULTS, Crawler
from support.scripted_reddit import ScriptedReddit, comment, post


@pytest.fixture
def reddit() -> ScriptedReddit:
    """Return a subreddit of 250 posts and 250 comments.

    Two posts have comments only in their trees.
    """
    posts = [post(f"{9999 - n}") for n in range(250)]
    posts[0]["data"].update(num_comments=3)
    posts[1]["data"].update(num_comments=1)
    others = [comment(f"c{999 - n}", "9900", author=f"a{n % 3}") for n in range(250)]
    reddit = ScriptedReddit(posts, others)
    reddit.trees["9999"] = [comment(f"t{n}", "9999") for n in range(3)]
    reddit.trees["9998"] = [comment("s0", "9998")]
    return reddit


@pytest.fixture
def crawler(reddit: ScriptedReddit, database: Database) -> Iterator[Crawler]:
    with scripted_reddit.serve(reddit) as url:
        # The test crawler makes no pauses. Its circuit breaker stays closed, because the failures
        # are no outage.
        yield Crawler(database, url, replace(DEFAULTS, max_requests_per_job=10_000))
