"""Decides which failures make a crawl give up only the requested part.

A crawl requires the description of the subreddit and the first page of its posts. All other
requests are parts. If Reddit returns no usable reply for a part, the crawl records the part as
missing and continues. An outage, a 429, refused credentials and an interruption stop the whole
crawl.
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

MESSAGE_MAX = 200  # maximum length of the stored message, in characters

# The failures after which a part is given up, each with the reason that is recorded. The first
# class that matches decides. Every other failure ends the crawl.
_GIVES_UP: tuple[tuple[type[crawl_failures.CrawlFailure], PartReason], ...] = (
    (crawl_failures.BadRequest, PartReason.REFUSED),
    (crawl_failures.TooLarge, PartReason.TOO_LARGE),
    (crawl_failures.Unavailable, PartReason.UNAVAILABLE),
    (crawl_failures.AuthorRefused, PartReason.UNAVAILABLE),
    (crawl_failures.UpstreamTrouble, PartReason.TROUBLE),
)

# These access states mean that the item does not exist or was removed, so no part is missing.
_GONE = frozenset({AccessState.NOT_FOUND, AccessState.BANNED, AccessState.LEGAL})


class GivenUp(Exception):
    """Reddit returned no usable reply for this part. The crawl continues without the part."""

    def __init__(self, part: MissingPart) -> None:
        super().__init__(f"{part.kind} {part.item}: {part.reason}")
        self.part = part


def reason_of(error: crawl_failures.CrawlFailure) -> PartReason | None:
    """Return the reason for giving up a part after this failure. Return None if the failure must
    end the whole crawl."""
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
    """Request a part. If Reddit replies that the item does not exist, return `if_gone`.

    Raises:

    - GivenUp: the failure makes the crawl give up the part, or the item does not exist and
      `if_gone` is None.
    - The failures in `passing`, and all other errors of `CrawlContext.request`. They are raised
      unchanged.
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
    """Return whether the failure means that the item of the part does not exist.

    The item of a history is an author. If the author's account is suspended, Reddit replies 403.
    So for a history, each denial of access means that the account is gone.
    """
    return isinstance(error, crawl_failures.Unavailable) and (
        kind is PartKind.HISTORY or error.access in _GONE
    )


def missing(
    context: CrawlContext, kind: PartKind, item: str, reason: PartReason, message: str
) -> MissingPart:
    """Return a part that is given up now. The more often the part failed, the later its next try.

    Several requests for one tree may fail in the same crawl. These failures are counted as one
    failure.
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
    """Return the posts whose tree must be requested again.

    An earlier crawl gave up the tree or a part of it, and the next try is due. Trees that this
    crawl gave up in an earlier attempt are left out.
    """
    own = own_trees(context)
    due = context.parts.due(*OF_A_TREE, now=context.now())
    return list(dict.fromkeys(part.item for part in due if part.item not in own))


def own_trees(context: CrawlContext) -> set[str]:
    """Return the posts whose tree this crawl gave up, in whole or in part. Some posts may be
    absent, because the checkpoint lists only the first missing parts."""
    return {part.item for part in context.checkpoint.missing if part.kind in OF_A_TREE}
