"""The worker itself enqueues a crawl for a missing part, without a request or a schedule."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from crawler_worker.maintenance.revisiting import Revisiting
from crawljobs import settings
from crawljobs.db.database import Database
from crawljobs.domain import completion
from crawljobs.repository.queue import job_completion
from support import crew as crews
from support import scripted_reddit
from support.crawls import DEFAULTS, Crawler
from support.crew import Crew
from support.scripted_reddit import ScriptedReddit, always, comment, post
from support.scripted_reddit import server_error as broken
from support.waiting import wait_until

DAY = timedelta(days=1)
TREE = "/comments/9999"
LIVE = "SELECT count(*) FROM crawl_jobs WHERE status IN ('queued', 'waiting', 'crawling')"


@pytest.fixture
def reddit() -> ScriptedReddit:
    posts = [post(f"{9999 - n}") for n in range(250)]
    posts[0]["data"].update(num_comments=3)
    reddit = ScriptedReddit(posts, [comment(f"c{999 - n}", "9900") for n in range(250)])
    reddit.trees["9999"] = [comment(f"t{n}", "9999") for n in range(3)]
    return reddit


@pytest.fixture
def crawler(reddit: ScriptedReddit, database: Database) -> Iterator[Crawler]:
    with scripted_reddit.serve(reddit) as url:
        yield Crawler(database, url, replace(DEFAULTS, fetch_user_subreddits=False))


def parts(crawler: Crawler) -> list[Any]:
    return crawler.rows("SELECT kind, item, next_look_at, failures FROM missing_parts")


def look_again(crawler: Crawler) -> int:
    """Run the worker's check for due subreddits. Return the number of jobs it enqueued."""
    crawler.rows("UPDATE maintenance_runs SET last_run_at = '2000-01-01' RETURNING task")
    again = Revisiting(crawler.database, settings.read_revisit_settings({}), max_retries=3)
    return again.check_due()


def pass_time(crawler: Crawler, interval: str) -> None:
    """Change the database as if everything due had been recorded this long ago."""
    for table, column in (("subreddits", "next_crawl_at"), ("missing_parts", "next_look_at")):
        crawler.rows(
            f"UPDATE {table} SET {column} = {column} - CAST(:interval AS interval) "
            f"RETURNING {column}",
            interval=interval,
        )


def follow_up(crawler: Crawler) -> str:
    claim = crawler.claim()
    assert (claim.source, claim.is_background) == ("stale", True)
    outcome = crawler.run(claim)
    with crawler.database.begin() as conn:
        job_completion.complete_claim(conn, completion.completed(claim, outcome))
    return outcome


def test_a_crawl_of_its_own_fetches_a_part_once_it_is_due(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.answers[TREE] = broken
    crawler.crawl("python")
    assert look_again(crawler) == 0  # the missing part is not due yet
    del reddit.answers[TREE]
    pass_time(crawler, "61 minutes")
    assert look_again(crawler) == 1
    asked = len(reddit.asked)
    assert follow_up(crawler) == "crawled"
    assert parts(crawler) == []
    # The four requests are for the description, a page of each listing, and the tree.
    assert len(reddit.asked) - asked == 4
    # Nothing is missing any more, so that no further crawl follows.
    pass_time(crawler, "400 days")
    assert look_again(crawler) == 0


def test_a_crawl_that_comes_earlier_takes_the_part_with_it(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.answers[TREE] = broken
    crawler.crawl("python")
    del reddit.answers[TREE]
    crawler.crawl("python")
    pass_time(crawler, "61 minutes")
    assert (parts(crawler), look_again(crawler)) == ([], 0)


def test_a_part_that_is_broken_for_ever_costs_ever_fewer_crawls(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.answers[TREE] = always(400, {"message": "Bad Request", "error": 400})
    crawler.crawl("python")
    hours = []
    for _ in range(12):
        left = crawler.value("SELECT next_crawl_at - now() FROM subreddits")
        hours.append(round(left / timedelta(hours=1)))
        pass_time(crawler, f"{left.total_seconds() + 1} seconds")
        assert look_again(crawler) == 1
        assert follow_up(crawler) == "crawled"
    assert hours == [1, 2, 4, 8, 16, 32, 64, 128, 256, 336, 336, 336]


def test_a_follow_up_that_comes_to_nothing_is_made_again_a_day_later(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.answers[TREE] = broken
    crawler.crawl("python")
    pass_time(crawler, "61 minutes")
    assert look_again(crawler) == 1
    crawler.rows("UPDATE crawl_jobs SET status = 'cancelled', finished_at = now() RETURNING id")
    assert look_again(crawler) == 0
    pass_time(crawler, "1 day 1 minute")
    assert look_again(crawler) == 1


def test_a_clock_that_was_set_back_holds_up_neither_the_part_nor_its_crawl(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.answers[TREE] = broken
    crawler.crawl("python")
    crawler.rows(
        "UPDATE missing_parts SET next_look_at = now() + interval '3 years', failures = 4 "
        "RETURNING kind"
    )
    asked = reddit.count(TREE)
    crawler.crawl("python")
    assert reddit.count(TREE) > asked
    ((_, _, _, failures),) = parts(crawler)
    assert failures == 5
    # A part that the settings exclude does not keep a time in the far future either.
    crawler.rows("UPDATE missing_parts SET next_look_at = now() + interval '3 years' RETURNING 1")
    crawler.settings = replace(crawler.settings, max_comments_per_post=0)
    crawler.crawl("python")
    left = "SELECT {} - now() FROM {}"
    for column, table in (("next_look_at", "missing_parts"), ("next_crawl_at", "subreddits")):
        assert crawler.value(left.format(column, table)) <= 14 * DAY


@pytest.mark.deep
def test_a_worker_alone_fetches_a_part_without_a_request(
    crawler: Crawler, reddit: ScriptedReddit, database_url: str, tmp_path: Path
) -> None:
    reddit.answers[TREE] = broken
    crawler.enqueue("python")
    crew = Crew(tmp_path, database_url, crawler.url)
    try:
        worker = crew.started(crews.PRODUCTION, FETCH_USER_SUBREDDITS="false")
        worker.wait_for("job.completed")
        assert [(part.kind, part.item) for part in parts(crawler)] == [("tree", "9999")]
        del reddit.answers[TREE]
        pass_time(crawler, "61 minutes")
        crawler.rows("UPDATE maintenance_runs SET last_run_at = '2000-01-01' RETURNING task")
        worker.terminate()
        # A worker checks for due parts when it starts.
        crew.started(crews.PRODUCTION, FETCH_USER_SUBREDDITS="false")
        wait_until(lambda: not parts(crawler), timeout=20, describe=crew.log)
        wait_until(lambda: not crawler.value(LIVE), timeout=20, describe=crew.log)
        query = "SELECT source, incomplete FROM crawl_jobs ORDER BY id"
        assert crawler.rows(query) == [("user", True), ("stale", False)]
    finally:
        crew.close()
