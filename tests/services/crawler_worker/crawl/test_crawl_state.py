"""The time and the pace of a crawl, by the database's clock and this crawl's own requests."""

import threading
import time
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.crawl.crawl_state import CrawlState
from crawljobs import settings
from crawljobs.repository.content.crawl_history import CrawlHistory, Marks
from support.jobs import T0

MINUTE = timedelta(minutes=1)


def begun_a_minute_ago(at: Checkpoint) -> CrawlState:
    claim: Any = SimpleNamespace(claimed_at=T0)
    history = CrawlHistory(Marks(), request_gap=None, last_crawled_at=None)
    return CrawlState(
        claim,
        at,
        history=history,
        settings=settings.read_crawl_settings({}),
        stop=threading.Event(),
        started_at=time.monotonic() - 60,
    )


def test_the_time_of_a_crawl_is_that_of_the_claim_plus_its_duration() -> None:
    now = begun_a_minute_ago(Checkpoint()).now()
    assert T0 + MINUTE <= now < T0 + 2 * MINUTE


def test_the_pace_counts_the_requests_of_this_attempt() -> None:
    at = Checkpoint(phase="posts", requests=50)
    pace = begun_a_minute_ago(at).forecast(replace(at, requests=60)).pace
    assert 6 <= pace < 12
