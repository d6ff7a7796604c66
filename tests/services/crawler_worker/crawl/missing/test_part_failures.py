"""A failed request gives up its part: with what reason, how many failures, and the next try."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.crawl.missing import parts
from crawler_worker.crawl.missing.known_parts import KnownParts
from crawler_worker.reddit import crawl_failures
from crawljobs.domain.missing_part import MissingPart, PartKind, PartReason
from crawljobs.domain.subreddit import AccessState
from support.jobs import T0

HOUR = timedelta(hours=1)


def part(item: str, failures: int, kind: PartKind = PartKind.TREE) -> MissingPart:
    return MissingPart(kind, item, PartReason.TROUBLE, "x", failures, T0)


def crawl(known: list[MissingPart], *, own: tuple[MissingPart, ...] = ()) -> Any:
    """A crawl with these parts of earlier crawls, which has given up `own` itself."""
    return SimpleNamespace(
        parts=KnownParts(known),
        checkpoint=Checkpoint(missing=own),
        settings=SimpleNamespace(part_retry=HOUR),
        now=lambda: T0,
    )


@pytest.mark.parametrize(
    ("known", "own", "failures", "hours"),
    [
        ([], (), 1, 1),
        ([part("p1", 2)], (), 3, 4),
        ([part("p2", 2)], (), 1, 1),
        # Several requests for one tree fail in the same crawl.
        ([part("p1", 2)], (part("p1", 2),), 2, 2),
        ([part("p1", 2)], (part("p2", 1), part("p1", 2), part("p3", 1)), 2, 2),
        ([part("p1", 2)], (part("p2", 1), part("p1", 1, PartKind.THREAD)), 3, 4),
    ],
)
def test_each_crawl_that_gives_up_a_part_counts_once(
    known: list[MissingPart], own: tuple[MissingPart, ...], failures: int, hours: int
) -> None:
    found = parts.missing(crawl(known, own=own), PartKind.TREE, "p1", PartReason.REFUSED, "no")
    assert found == MissingPart(
        PartKind.TREE, "p1", PartReason.REFUSED, "no", failures, T0 + hours * HOUR
    )


def test_the_item_and_the_message_of_a_part_are_bounded() -> None:
    found = parts.missing(crawl([]), PartKind.TREE, "i" * 150, PartReason.REFUSED, "m" * 300)
    assert (len(found.item), len(found.message)) == (100, 200)


GONE, OPEN = "the item is gone", "the reply"


def requested(kind: PartKind, error: Exception, **options: Any) -> str:
    def fail(_call: Any) -> str:
        raise error

    context = crawl([])
    context.request = fail
    return parts.request(context, kind, "p1", lambda _requester: OPEN, **options)


def denied(access: AccessState) -> crawl_failures.Unavailable:
    return crawl_failures.Unavailable(access, "denied")


@pytest.mark.parametrize("access", [AccessState.NOT_FOUND, AccessState.BANNED, AccessState.LEGAL])
@pytest.mark.parametrize("kind", [PartKind.TREE, PartKind.HISTORY, PartKind.THREAD])
def test_an_item_that_does_not_exist_is_not_missing(kind: PartKind, access: AccessState) -> None:
    assert requested(kind, denied(access), if_gone=GONE) == GONE
    with pytest.raises(parts.GivenUp) as given_up:
        requested(kind, denied(access))
    assert given_up.value.part.reason is PartReason.UNAVAILABLE


@pytest.mark.parametrize(
    ("kind", "is_gone"), [(PartKind.HISTORY, True), (PartKind.TREE, False), (PartKind.NAMES, False)]
)
def test_only_a_private_history_counts_as_gone(kind: PartKind, *, is_gone: bool) -> None:
    error = denied(AccessState.PRIVATE)
    if is_gone:
        assert requested(kind, error, if_gone=GONE) == GONE
    else:
        with pytest.raises(parts.GivenUp):
            requested(kind, error, if_gone=GONE)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (crawl_failures.BadRequest("x"), PartReason.REFUSED),
        (crawl_failures.TooLarge("x"), PartReason.TOO_LARGE),
        (crawl_failures.AuthorRefused("x"), PartReason.UNAVAILABLE),
        (crawl_failures.UpstreamTrouble("x"), PartReason.TROUBLE),
    ],
)
def test_a_failure_passes_only_if_the_caller_handles_it(
    error: crawl_failures.CrawlFailure, reason: PartReason
) -> None:
    with pytest.raises(parts.GivenUp) as given_up:
        requested(PartKind.HISTORY, error, if_gone=GONE, passing=(crawl_failures.TokenRefused,))
    assert given_up.value.part.reason is reason
    with pytest.raises(type(error)):
        requested(PartKind.HISTORY, error, if_gone=GONE, passing=(type(error),))


def test_a_failure_that_is_not_of_the_part_ends_the_crawl() -> None:
    with pytest.raises(crawl_failures.Outage):
        requested(PartKind.TREE, crawl_failures.Outage("x", resume_in=1), if_gone=GONE)
