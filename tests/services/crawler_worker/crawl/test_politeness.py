"""All workers keep the minimum gap between requests to one subreddit."""

import itertools
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from crawler_worker.crawl import politeness
from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.request_context import LONGEST_GAP_SECONDS
from crawljobs.repository.content import politeness_gaps
from support.crawls import Crawler, Transport


def be_polite(crawler: Crawler, seconds: float) -> None:
    with crawler.database.begin() as conn:
        (subreddit_id,) = conn.exec_driver_sql("SELECT id FROM subreddits").one()
        politeness_gaps.set_politeness(
            conn, subreddit_id=subreddit_id, request_gap=seconds, crawl_gap=None
        )


def test_requests_are_as_far_apart_as_the_subreddit_wants(crawler: Crawler) -> None:
    crawler.settings = replace(crawler.settings, fetch_user_subreddits=False)
    crawler.enqueue("empty_hall")
    claim = crawler.claim()
    be_polite(crawler, 0.15)
    times: list[float] = []
    crawler.run(claim, transport=Transport(lambda _number: times.append(time.monotonic())))
    assert len(times) == 3
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert min(gaps) >= 0.14


def test_a_subreddit_without_a_wish_has_the_gap_of_the_settings(crawler: Crawler) -> None:
    crawler.settings = replace(crawler.settings, min_request_gap_seconds=3600)
    crawler.enqueue("empty_hall")
    with pytest.raises(crawl_failures.TooSoon):
        crawler.run(crawler.claim())


def test_a_long_gap_is_waited_for_in_the_queue_also_by_the_next_worker(crawler: Crawler) -> None:
    crawler.enqueue("empty_hall")
    claim = crawler.claim()
    be_polite(crawler, 600)
    transport = Transport()
    with pytest.raises(crawl_failures.TooSoon) as caught:
        crawler.run(claim, transport=transport)
    assert (caught.value.kind, caught.value.reason) == ("deferred", "politeness")
    assert 590 < caught.value.resume_in <= 600
    assert len(transport.paths) == 1
    crawler.release(claim)
    with pytest.raises(crawl_failures.TooSoon):
        crawler.run(crawler.claim(), transport=transport)
    assert len(transport.paths) == 1
    crawler.rows(
        "UPDATE crawl_jobs SET status = 'queued', claim_token = NULL, claimed_by = NULL, "
        "claimed_at = NULL, lease_expires_at = NULL, checkpoint = jsonb_set(checkpoint, "
        "'{asked_at}', to_jsonb(now() - interval '11 minutes')) RETURNING id"
    )
    with pytest.raises(crawl_failures.TooSoon):
        crawler.run(crawler.claim(), transport=transport)
    assert len(transport.paths) == 2


def test_the_next_crawl_keeps_its_distance_to_the_last(crawler: Crawler) -> None:
    crawler.crawl("empty_hall")
    be_polite(crawler, 600)
    transport = Transport()
    with pytest.raises(crawl_failures.TooSoon):
        crawler.crawl("empty_hall", transport=transport)
    assert transport.paths == []


def test_a_request_that_failed_is_kept_at_a_distance_too(crawler: Crawler) -> None:
    """The failed request also counts for the limit of the job."""
    crawler.enqueue("error_hall")
    claim = crawler.claim()
    with pytest.raises(crawl_failures.NothingClear):
        crawler.run(claim)
    assert crawler.checkpoint()["requests"] == 3
    be_polite(crawler, 600)
    crawler.release(claim)
    with pytest.raises(crawl_failures.TooSoon):
        crawler.run(crawler.claim())


@pytest.mark.parametrize(("gap", "requests"), [(0.8, 3), (31, 1)])
def test_what_is_asked_again_keeps_its_distance_too(
    crawler: Crawler, gap: float, requests: int
) -> None:
    crawler.enqueue("error_hall")
    claim = crawler.claim()
    be_polite(crawler, gap)
    times: list[float] = []
    with pytest.raises(crawl_failures.NothingClear):
        crawler.run(claim, transport=Transport(lambda _number: times.append(time.monotonic())))
    assert len(times) == requests
    assert all(after - before >= gap - 0.01 for before, after in itertools.pairwise(times))


def test_a_listing_is_walked_on_however_long_the_gap_between_two_pages(crawler: Crawler) -> None:
    crawler.enqueue("big_town")
    be_polite(crawler, 3600)
    for _ in range(4):
        claim = crawler.claim()
        with pytest.raises(crawl_failures.TooSoon):
            crawler.run(claim)
        crawler.release(claim)
        crawler.rows(
            "UPDATE crawl_jobs SET checkpoint = checkpoint || jsonb_build_object("
            "'asked_at', now() - interval '61 minutes', 'cursor_at', now() - interval '61 minutes')"
            " RETURNING id"
        )
    assert (crawler.checkpoint()["page"], crawler.checkpoint()["posts"]) == (3, 300)


def test_a_polite_wait_ends_when_the_worker_is_told_to_stop(crawler: Crawler) -> None:
    crawler.enqueue("empty_hall")
    claim = crawler.claim()
    be_polite(crawler, 25)
    stop = threading.Event()
    with pytest.raises(crawl_failures.Interrupted):
        crawler.run(claim, transport=Transport(lambda _number: stop.set()), stop=stop)


def test_a_clock_that_was_set_back_does_not_stretch_the_wait(crawler: Crawler) -> None:
    crawler.enqueue("empty_hall")
    claim = crawler.claim()
    be_polite(crawler, 40)
    future = (claim.claimed_at + timedelta(days=1)).isoformat()
    saved = {"v": 1, "phase": "posts", "asked_at": future}
    with pytest.raises(crawl_failures.TooSoon) as caught:
        crawler.run(claim._replace(checkpoint=saved))
    assert caught.value.resume_in == 40


class Waits:
    """Stands for the event that stops a crawl. Records each wait; `is_told` stops the crawl."""

    def __init__(self, *, is_told: bool = False) -> None:
        self.seconds: list[float] = []
        self._is_told = is_told

    def is_set(self) -> bool:
        return self._is_told

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.seconds.append(timeout)
        return self._is_told


NOW = datetime(2031, 5, 4, tzinfo=UTC)
LONGEST = LONGEST_GAP_SECONDS  # longer gaps are waited for without a slot


@pytest.mark.parametrize(
    ("gap", "asked_before", "waits"),
    [
        (5, None, []),  # the subreddit was not requested before
        (0, 1, []),
        (-1, 1, []),
        (5, 5, []),
        (5, 6, []),
        (5, 0, [5]),
        (5, 4.75, [0.25]),
        (5, -60, [5]),  # the clock was set back by 60 s
        (LONGEST, 0, [LONGEST]),
        (LONGEST + 1, 1, [LONGEST]),
        (3600, 3600 - LONGEST, [LONGEST]),
    ],
)
def test_a_short_rest_of_a_gap_is_waited_for_in_the_slot(
    gap: float, asked_before: float | None, waits: list[float]
) -> None:
    stop = Waits()
    asked_at = None if asked_before is None else NOW - timedelta(seconds=asked_before)
    politeness.wait(gap, asked_at=asked_at, now=NOW, stop=stop)
    assert stop.seconds == waits
    if waits:
        with pytest.raises(crawl_failures.Interrupted):
            politeness.wait(gap, asked_at=asked_at, now=NOW, stop=Waits(is_told=True))


@pytest.mark.parametrize(
    ("gap", "asked_before", "left"),
    [(LONGEST + 0.5, 0, LONGEST + 0.5), (3600, 60, 3540), (3600, -60, 3600)],
)
def test_a_long_rest_of_a_gap_is_waited_for_without_a_slot(
    gap: float, asked_before: float, left: float
) -> None:
    stop = Waits()
    asked_at = NOW - timedelta(seconds=asked_before)
    with pytest.raises(crawl_failures.TooSoon) as caught:
        politeness.wait(gap, asked_at=asked_at, now=NOW, stop=stop)
    assert (caught.value.resume_in, stop.seconds) == (left, [])
