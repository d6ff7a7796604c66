"""The listing of comments: its broken first page, and a restart from a cursor that is too old."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawljobs.db.database import Database
from support import scripted_reddit
from support.crawls import DEFAULTS, Crawler
from support.missing_parts import missing
from support.scripted_reddit import ScriptedReddit, always, comment, post

COMMENTS = "/r/python/comments"


@pytest.fixture
def reddit() -> ScriptedReddit:
    return ScriptedReddit([post("p1")], [comment(f"c{999 - n}") for n in range(150)])


@pytest.fixture
def crawler(reddit: ScriptedReddit, database: Database) -> Iterator[Crawler]:
    with scripted_reddit.serve(reddit) as url:
        yield Crawler(database, url, replace(DEFAULTS, fetch_user_subreddits=False))


def test_a_broken_first_page_is_requested_when_it_is_due_or_by_a_whole_walk(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.answers[COMMENTS] = always(400, {"message": "Bad Request", "error": 400})
    requests = []
    for crawl in range(4):
        if crawl == 3:
            crawler.rows(
                "UPDATE subreddits SET whole_walk_at = now() - interval '31 days' RETURNING id"
            )
        reddit.asked.clear()
        crawler.crawl("python")
        requests.append(reddit.count(COMMENTS))
    # Each try makes two requests. The third crawl comes before the next try.
    assert requests == [2, 2, 0, 2]
    assert missing(crawler) == [("comments", "", "refused")]


def test_a_restart_from_the_first_page_counts_each_comment_once(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    crawler.enqueue("python")
    claim = crawler.claim()
    saved = Checkpoint(
        phase="comments",
        cursor="t1_c900",
        cursor_at=(claim.claimed_at - timedelta(hours=1)).isoformat(),
        page=1,
        comments=100,
    ).saved()
    crawler.run(claim._replace(checkpoint=saved))
    assert reddit.asked == [COMMENTS, f"{COMMENTS}?after=t1_c900"]
    assert crawler.checkpoint()["comments"] == 150
