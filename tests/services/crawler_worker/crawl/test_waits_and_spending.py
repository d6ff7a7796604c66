"""Two rules apply before each request: the wait for politeness, and the limit of discovery."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from crawler_worker.crawl import politeness
from crawler_worker.crawl.discovery_budget import Spending
from crawler_worker.crawl.missing.known_parts import KnownParts
from crawler_worker.reddit import crawl_failures, request_context
from crawljobs.db.database import Connection
from crawljobs.domain import discovery_rules as rules
from crawljobs.domain.claim import Claim
from crawljobs.domain.job import JobSource
from crawljobs.domain.missing_part import MissingPart, PartKind, PartReason
from crawljobs.repository.content import discovery
from support import jobs
from support.jobs import T0

SECOND = timedelta(seconds=1)


class Stop:
    """Stands for the event that stops a crawl. Records each wait; `is_told` ends the wait."""

    def __init__(self, *, is_told: bool = False) -> None:
        self.is_told = is_told
        self.waits: list[float] = []

    def is_set(self) -> bool:
        return False

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return self.is_told


@pytest.mark.parametrize(
    ("gap", "asked_at", "waits"),
    [
        (0.0, T0, []),
        (5.0, None, []),
        (5.0, T0, [5.0]),
        (5.0, T0 - 2 * SECOND, [3.0]),
        (5.0, T0 - 5 * SECOND, []),
        (5.0, T0 - 9 * SECOND, []),
        # A clock that was set back does not make the wait longer than the gap.
        (5.0, T0 + 60 * SECOND, [5.0]),
        (request_context.LONGEST_GAP_SECONDS, T0, [request_context.LONGEST_GAP_SECONDS]),
    ],
)
def test_a_crawl_waits_for_the_rest_of_the_gap(
    gap: float, asked_at: datetime | None, waits: list[float]
) -> None:
    stop = Stop()
    politeness.wait(gap, asked_at=asked_at, now=T0, stop=stop)
    assert stop.waits == waits


def test_a_long_gap_is_waited_for_in_the_queue_and_a_stop_ends_a_wait() -> None:
    gap = request_context.LONGEST_GAP_SECONDS + 10
    with pytest.raises(crawl_failures.TooSoon, match=f"requires {gap:.0f} s between two") as soon:
        politeness.wait(gap, asked_at=T0 - SECOND, now=T0, stop=Stop())
    assert soon.value.resume_in == gap - 1
    with pytest.raises(crawl_failures.Interrupted):
        politeness.wait(5.0, asked_at=T0, now=T0, stop=Stop(is_told=True))
    politeness.wait(5.0, asked_at=T0 - 9 * SECOND, now=T0, stop=Stop(is_told=True))


def discovered(conn: Connection) -> tuple[Claim, int]:
    """Return a claim that discovery enqueued, one step from its root, and the id of the root."""
    root = conn.execute(
        text("INSERT INTO subreddits (name) VALUES ('root') RETURNING id")
    ).scalar_one()
    claim = jobs.crawling(conn, "found", source=JobSource.DISCOVERY, depth=1)
    conn.execute(
        text("UPDATE subreddits SET discovered_from = :root WHERE id = :id"),
        {"root": root, "id": claim.subreddit_id},
    )
    return claim, int(root)


def test_a_crawl_that_somebody_asked_for_spends_nothing(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    spending = Spending.of(conn, claim, at_most=1, charged=0)
    assert not spending.is_spent(1_000)
    assert spending.charge(conn, 1_000) == 0
    assert discovery.spent(conn, root=claim.subreddit_id) == 0


def test_discovery_spends_up_to_the_limit_of_its_root(conn: Connection) -> None:
    claim, root = discovered(conn)
    discovery.spend(conn, root=root, requests=4)
    spending = Spending.of(conn, claim, at_most=10, charged=3)
    assert [spending.is_spent(requests) for requests in (3, 8, 9)] == [False, False, True]
    assert spending.charge(conn, 3) == 4
    assert spending.charge(conn, 5) == 6
    spending.charged(6, 5)
    assert [spending.is_spent(requests) for requests in (8, 9)] == [False, True]
    assert discovery.spent(conn, root=root) == 6
    assert [spending.is_left(conn, claim, requests) for requests in (8, 9)] == [True, False]
    assert timedelta(days=30) == rules.ROOT_PERIOD


def test_what_a_users_crawl_leads_to_has_what_its_root_left(conn: Connection) -> None:
    claim = jobs.crawling(conn)
    spending = Spending.of(conn, claim, at_most=10, charged=0)
    assert spending.is_left(conn, claim, 1_000)
    discovery.spend(conn, root=claim.subreddit_id, requests=9)
    assert spending.is_left(conn, claim, 1_000)
    discovery.spend(conn, root=claim.subreddit_id, requests=1)
    assert not spending.is_left(conn, claim, 0)


def part(
    kind: PartKind, item: str, *, failures_in_a_row: int = 2, at: datetime = T0
) -> MissingPart:
    return MissingPart(kind, item, PartReason.TROUBLE, "x", failures_in_a_row, at)


def test_parts_are_known_by_kind_and_item_and_listings_by_kind() -> None:
    tree, other = part(PartKind.TREE, "a"), part(PartKind.TREE, "b", at=T0 + SECOND)
    page = part(PartKind.POSTS, "cursor")
    parts = KnownParts([tree, other, page])
    assert parts.get(PartKind.TREE, "a") is tree
    assert parts.get(PartKind.HISTORY, "a") is None
    assert parts.get(PartKind.POSTS) is page
    assert parts.due(PartKind.TREE, now=T0) == [tree]
    assert parts.due(PartKind.TREE, PartKind.POSTS, now=T0 + SECOND) == [tree, other, page]
    assert parts.not_due(PartKind.TREE, now=T0) == {"b"}
    assert parts.known_of([(PartKind.TREE, "b"), (PartKind.TREE, "z")]) == [other]
    further = part(PartKind.POSTS, "further")
    parts.add(further)
    assert parts.get(PartKind.POSTS) is further
    parts.remove([part(PartKind.POSTS, "any"), part(PartKind.TREE, "z"), tree])
    assert parts.due(PartKind.TREE, PartKind.POSTS, now=T0 + SECOND) == [other]
