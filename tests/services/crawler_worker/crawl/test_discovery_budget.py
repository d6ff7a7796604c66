"""The requests of discovery from one root stay within their limit at each moment of a crawl."""

import pytest

from crawler_worker.crawl.discovery_budget import Spending
from crawljobs.db.database import Connection
from crawljobs.domain.claim import Claim
from crawljobs.domain.job import JobSource
from crawljobs.repository.content import discovery
from support import jobs

AT_MOST = 100
ASKED_FOR = JobSource.USER


def started(
    conn: Connection, source: JobSource, *, spent: int, charged: int = 0
) -> tuple[Spending, Claim]:
    """Claim a crawl of the root. Other crawls of this root have already spent `spent` requests."""
    claim = jobs.crawling(conn, source=source, priority=10)
    if spent:
        discovery.spend(conn, root=claim.subreddit_id, requests=spent)
    return Spending.of(conn, claim, at_most=AT_MOST, charged=charged), claim


@pytest.mark.parametrize("source", list(JobSource))
@pytest.mark.parametrize(
    ("spent", "charged", "requests", "is_left"),
    [
        (0, 0, 0, True),
        (99, 0, 0, True),
        (100, 0, 0, False),
        (101, 0, 0, False),
        # Requests of a discovery crawl that are not charged yet count too.
        (60, 0, 39, True),
        (60, 0, 40, False),
        (60, 30, 69, True),
        (60, 30, 70, False),
    ],
)
def test_what_is_left_for_crawls_that_this_one_leads_to(
    conn: Connection, source: JobSource, spent: int, charged: int, requests: int, *, is_left: bool
) -> None:
    spending, claim = started(conn, source, spent=spent, charged=charged)
    if source is not JobSource.DISCOVERY:
        is_left = spent < AT_MOST
    assert spending.is_left(conn, claim, requests) is is_left


@pytest.mark.parametrize("source", list(JobSource))
@pytest.mark.parametrize(
    ("spent", "charged", "requests", "is_spent"),
    [
        (0, 0, 99, False),
        (0, 0, 100, True),
        (100, 0, 0, True),
        (60, 0, 39, False),
        (60, 0, 40, True),
        (60, 30, 69, False),
        (60, 30, 70, True),
    ],
)
def test_a_crawl_of_discovery_alone_may_make_no_more_requests(
    conn: Connection, source: JobSource, spent: int, charged: int, requests: int, *, is_spent: bool
) -> None:
    spending, _ = started(conn, source, spent=spent, charged=charged)
    assert spending.is_spent(requests) is (is_spent and source is JobSource.DISCOVERY)


@pytest.mark.parametrize("source", list(JobSource))
def test_each_request_of_discovery_is_charged_once(conn: Connection, source: JobSource) -> None:
    spending, claim = started(conn, source, spent=10, charged=5)
    is_discovery = source is JobSource.DISCOVERY

    def in_all() -> int:
        return discovery.spent(conn, root=claim.subreddit_id)

    spending.charge(conn, 5)
    assert in_all() == 10
    # A charge that is rolled back has no effect.
    with conn.begin_nested() as undone:
        spending.charge(conn, 12)
        undone.rollback()
    for requests, expected in ((12, 17), (12, 17), (20, 25)):
        spending.charged(spending.charge(conn, requests), requests)
        assert in_all() == (expected if is_discovery else 10)
        assert spending.is_spent(requests + 100 - expected) is is_discovery
        assert not spending.is_spent(requests + 99 - expected)
