"""The log reports crawls that did not read everything."""

from dataclasses import replace
from typing import Any

import structlog

from crawljobs.db.database import Database
from support import scripted_reddit
from support.crawls import Crawler
from support.scripted_reddit import ScriptedReddit, always, post


def lines(logged: list[Any], event: str) -> list[dict[str, Any]]:
    return [dict(one) for one in logged if one["event"] == event]


def test_a_crawl_that_its_budget_cut_short_is_logged_with_its_phase(crawler: Crawler) -> None:
    crawler.settings = replace(crawler.settings, max_requests_per_job=3)
    with structlog.testing.capture_logs() as logged:
        crawler.crawl("big_town")
    (line,) = lines(logged, "crawl.cut_short")
    job_id = crawler.value("SELECT max(id) FROM crawl_jobs WHERE source = 'user'")
    assert line == {
        "event": "crawl.cut_short",
        "log_level": "info",
        "job_id": job_id,
        "subreddit": "big_town",
        "phase": "posts",
        "requests": 3,
    }


def test_a_gap_is_logged(crawler: Crawler) -> None:
    crawler.settings = replace(
        crawler.settings, fetch_user_subreddits=False, max_comments_per_post=0
    )
    crawler.enqueue("big_town")
    claim = crawler.claim()
    crawler.rows("UPDATE subreddits SET high_water_post = '1', "
                 "high_water_comment = 'zzzzzzzzzzzz' RETURNING id")  # fmt: skip
    with structlog.testing.capture_logs() as logged:
        crawler.run(claim)
    (line,) = lines(logged, "crawl.gap")
    assert (line["job_id"], line["subreddit"], line["log_level"]) == (
        claim.job_id,
        "big_town",
        "warning",
    )


def test_a_crawl_that_could_read_everything_reports_nothing_unreadable(database: Database) -> None:
    """A deleted post or a hidden history stores nothing, but it is not reported as unreadable."""
    reddit = ScriptedReddit([post("p1", num_comments=5, selftext="r/rust")])
    gone = always(404, {"message": "Not Found", "error": 404})
    reddit.answers["/comments/p1"] = gone
    reddit.answers["/user/"] = always(403, {"message": "Forbidden", "error": 403})
    with scripted_reddit.serve(reddit) as url, structlog.testing.capture_logs() as logged:
        assert Crawler(database, url).crawl("python") == "crawled"
    assert reddit.count("/comments/p1") > 0
    assert reddit.count("/user/") > 0
    assert lines(logged, "items.dropped") == []
