"""Decides which failures make a crawl give up only the requested part.

A crawl requires the description of the subreddit and the first page of its posts. Everything else
is a part: when Reddit returns no usable reply for it, the crawl continues and records the part as
missing. An outage, a 429, refused credentials and an interruption concern the whole crawl.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from crawler_worker.crawl.crawl_context import CrawlContext
from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.requester import Requester
from crawljobs.domain import completion, missing_part
from crawljobs.domain.missing_part import OF_A_TREE, MissingPart, PartKind, PartReason
from crawljobs.domain.subreddit import AccessState

T = TypeVar("T")

MESSAGE_MAX = 200  # characters

# The failures that give up a part, each with the recorded reason; the first class that matches
# counts. Every other failure is raised and decides about the job.
_GIVES_UP: tuple[tuple[type[crawl_failures.CrawlFailure], PartReason], ...] = (
    (crawl_failures.BadRequest, PartReason.REFUSED),
    (crawl_failures.TooLarge, PartReason.TOO_LARGE),
    (crawl_failures.Unavailable, PartReason.UNAVAILABLE),
    (crawl_failures.AuthorRefused, PartReason.UNAVAILABLE),
    (crawl_failures.UpstreamTrouble, PartReason.TROUBLE),
)

# Reddit's replies for an item that does not exist (any more). No part is missing then.
_GONE = frozenset({AccessState.NOT_FOUND, AccessState.BANNED, AccessState.LEGAL})


class GivenUp(Exception):
    """The part cannot be fetched now; the crawl continues without it."""

    def __init__(self, part: MissingPart) -> None:
        super().__init__(f"{part.kind} {part.item}: {part.reason}")
        self.part = part


def reason_of(error: crawl_failures.CrawlFailure) -> PartReason | None:
    """The reason for giving up a part after this failure; None when the failure concerns the whole
    crawl."""
    return next((reason for kind, reason in _GIVES_UP if isinstance(error, kind)), None)


def request(
    context: CrawlContext,
    kind: PartKind,
    item: str,
    call: Callable[[Requester], T],
    *,
    if_gone: T | None = None,
    passing: tuple[type[crawl_failures.CrawlFailure], ...] = (),
) -> T:
    """Request a part. Returns `if_gone` when Reddit replies that the item does not exist.

    Raises GivenUp, the failures in `passing`, and all that `CrawlContext.request` raises.
    """
    try:
        return context.request(call)
    except crawl_failures.CrawlFailure as error:
        reason = reason_of(error)
        if reason is None or isinstance(error, passing):
            raise
        if if_gone is not None and _is_gone(kind, error):
            return if_gone
        raise GivenUp(missing(context, kind, item, reason, str(error))) from error


def _is_gone(kind: PartKind, error: crawl_failures.CrawlFailure) -> bool:
    """Whether the failure means that the item does not exist. A suspended account returns 403, so
    for a history every refusal counts."""
    return isinstance(error, crawl_failures.Unavailable) and (
        kind is PartKind.HISTORY or error.access in _GONE
    )


def missing(
    context: CrawlContext, kind: PartKind, item: str, reason: PartReason, message: str
) -> MissingPart:
    """A part that is given up now. The more crawls in a row gave it up, the later its next try.

    Several requests of one tree may fail in one crawl; they count as one failure.
    """
    item = item[: missing_part.ITEM_MAX]
    known = context.parts.get(kind, item)
    is_own = any((one.kind, one.item) == (kind, item) for one in context.checkpoint.missing)
    failed = 1 if known is None else known.failures + (not is_own)
    delay = missing_part.next_try_delay(kind, failed, first=context.settings.part_retry)
    return MissingPart(
        kind=kind,
        item=item,
        reason=reason,
        message=completion.storable(message)[:MESSAGE_MAX],
        failures=failed,
        next_look_at=context.now() + delay,
    )


def posts_to_fetch(context: CrawlContext) -> list[str]:
    """The posts whose tree, or a part of it, an earlier crawl gave up, and whose next try is due.

    Leaves out the parts that this crawl gave up before an interruption.
    """
    own = own_trees(context)
    due = context.parts.due(*OF_A_TREE, now=context.now())
    return list(dict.fromkeys(part.item for part in due if part.item not in own))


def own_trees(context: CrawlContext) -> set[str]:
    """The posts whose tree, or a part of it, this crawl gave up. The checkpoint lists only the
    first parts, so posts may be absent here."""
    return {part.item for part in context.checkpoint.missing if part.kind in OF_A_TREE}
