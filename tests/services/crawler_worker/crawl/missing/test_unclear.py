"""A crawl whose required replies are unclear waits longer each time, and fails after a day."""

from types import SimpleNamespace
from typing import Any

import pytest

from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.crawl.missing import unclear
from crawler_worker.reddit import crawl_failures
from support.jobs import T0


class Crawl(SimpleNamespace):
    """A crawl of r/python with this number of deferrals, and the checkpoints that it stores."""

    def __init__(self, deferrals: int, *, is_first: bool = False) -> None:
        super().__init__(
            checkpoint=Checkpoint(unclear=deferrals),
            claim=SimpleNamespace(subreddit="python"),
            last_crawled_at=None if is_first else T0,
        )
        self.stored: list[int] = []
        self.saved_requests = 0

    def store(self, then: Checkpoint) -> None:
        self.stored.append(then.unclear)

    def save_requests(self) -> None:
        self.saved_requests += 1


def deferral(crawl: Any, error: Any) -> Any:
    return unclear.deferral(crawl, error)


@pytest.mark.parametrize(
    ("deferrals", "seconds"),
    [(0, 60), (1, 120), (2, 240), (7, 7_680), (8, 14_400), (9, 14_400), (12, 14_400)],
)
def test_each_deferral_doubles_the_wait_up_to_four_hours(deferrals: int, seconds: float) -> None:
    crawl = Crawl(deferrals)
    failure = deferral(crawl, crawl_failures.UpstreamTrouble("status 500"))
    assert isinstance(failure, crawl_failures.NothingClear)
    assert failure.resume_in == seconds
    assert f"(deferral {deferrals + 1} of 13): status 500" in str(failure)
    assert crawl.stored == [deferrals + 1]


def test_after_the_last_deferral_the_job_fails_with_the_last_error() -> None:
    crawl = Crawl(13)
    failure = deferral(crawl, crawl_failures.UpstreamTrouble("status 500"))
    assert isinstance(failure, crawl_failures.BadRequest)
    assert "r/python" in str(failure)
    assert "last: status 500" in str(failure)
    assert crawl.stored == []


def test_a_refused_request_fails_at_once_only_if_the_subreddit_was_never_crawled() -> None:
    refused = crawl_failures.BadRequest("status 400")
    new = Crawl(0, is_first=True)
    assert deferral(new, refused) is refused
    assert (new.saved_requests, new.stored) == (1, [])
    assert isinstance(deferral(Crawl(0), refused), crawl_failures.NothingClear)
    trouble = crawl_failures.UpstreamTrouble("status 500")
    assert isinstance(deferral(Crawl(0, is_first=True), trouble), crawl_failures.NothingClear)
