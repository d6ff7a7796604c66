"""All schedules of a subreddit are enabled and disabled with its access, however many they are."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from crawler_worker.reddit import crawl_failures
from crawljobs.db.database import Database
from crawljobs.repository.content import stored_subreddits
from crawljobs.repository.schedules import schedule_disabling
from support import scripted_reddit
from support.crawls import Crawler, Transport
from support.scripted_reddit import ScriptedReddit, always

ABOUT = "/r/python/about"
BANNED = always(404, {"reason": "banned", "message": "Not Found", "error": 404})
PRIVATE = always(403, {"reason": "private", "message": "Forbidden", "error": 403})
CHUNK = schedule_disabling.AT_MOST
SCHEDULES = CHUNK + 30


@pytest.fixture
def reddit() -> ScriptedReddit:
    return ScriptedReddit()


@pytest.fixture
def crawler(reddit: ScriptedReddit, database: Database) -> Iterator[Crawler]:
    with database.begin() as conn:
        ids = stored_subreddits.ensure(conn, names=["python"], discovered_from=None, depth=0)
        conn.execute(
            text(
                "INSERT INTO scheduled_jobs (name, subreddit_id, cron_expression, next_run_at) "
                "SELECT 'schedule ' || n, :id, '@hourly', now() + interval '1 hour' "
                "FROM generate_series(1, :count) AS n"
            ),
            {"id": ids["python"], "count": SCHEDULES},
        )
    with scripted_reddit.serve(reddit) as url:
        yield Crawler(database, url)


def enabled(crawler: Crawler) -> int:
    return int(crawler.value("SELECT count(*) FROM scheduled_jobs WHERE enabled"))


def chunks(crawler: Crawler, action: str) -> list[int]:
    """Return the number of audit rows of each transaction, in the order of the transactions."""
    query = (
        "SELECT count(*) AS rows FROM admin_audit_log WHERE action = :action "
        "GROUP BY transaction_id ORDER BY min(id)"
    )
    return [row.rows for row in crawler.rows(query, action=action)]


def test_all_schedules_follow_the_access_in_bounded_transactions(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.answers[ABOUT] = BANNED
    with capture_logs() as logged:
        assert crawler.crawl("python") == "banned"
        assert (enabled(crawler), chunks(crawler, "disable")) == (0, [CHUNK, 30])
        assert crawler.crawl("python") == "banned"  # no schedule is left to disable
        del reddit.answers[ABOUT]
        assert crawler.crawl("python") == "crawled"
    assert (enabled(crawler), chunks(crawler, "enable")) == (SCHEDULES, [CHUNK, 30])
    changes = [line for line in logged if line["event"].startswith("schedules.")]
    assert [(line["event"], line["count"]) for line in changes] == [
        ("schedules.disabled", SCHEDULES),
        ("schedules.enabled", SCHEDULES),
    ]


def test_a_banned_subreddit_that_was_private_before_it_opened_gets_its_schedules_back(
    crawler: Crawler, reddit: ScriptedReddit
) -> None:
    reddit.answers[ABOUT] = BANNED
    assert crawler.crawl("python") == "banned"
    assert enabled(crawler) == 0
    reddit.answers[ABOUT] = PRIVATE
    assert crawler.crawl("python") == "private"
    del reddit.answers[ABOUT]
    assert crawler.crawl("python") == "crawled"
    assert enabled(crawler) == SCHEDULES


@pytest.mark.parametrize("is_back", [False, True])
def test_a_stop_between_two_chunks_leaves_the_rest_to_the_next_claim(
    crawler: Crawler, reddit: ScriptedReddit, is_back: bool
) -> None:
    reddit.answers[ABOUT] = BANNED
    if is_back:
        crawler.crawl("python")
        del reddit.answers[ABOUT]
    crawler.enqueue("python")
    stop = threading.Event()
    claim = crawler.claim()
    # ^The access is known after the second request: a denial is requested twice, and an open
    # subreddit shows its posts in the second request.
    looks = 2

    def before(number: int) -> None:
        if number == looks:
            stop.set()

    with pytest.raises(crawl_failures.Interrupted):
        crawler.run(claim, transport=Transport(before), stop=stop)
    assert enabled(crawler) == (CHUNK if is_back else SCHEDULES - CHUNK)
    crawler.release(claim)
    outcome = crawler.run(crawler.claim())
    assert outcome == ("crawled" if is_back else "banned")
    assert enabled(crawler) == (SCHEDULES if is_back else 0)
