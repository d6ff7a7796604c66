"""Decides which failures cost a crawl only the part that was asked for.

A crawl requires the description of the subreddit and the first page of its posts. Everything else
is a part: when Reddit does not answer for it, the crawl goes on and says what is missing.
An outage, a 429, refused credentials and an interruption are no failure of a part.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from crawler_worker.crawl.crawl_context import CrawlContext
from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.client import RedditClient
from crawljobs.domain import completion, missing_part
from crawljobs.domain.missing_part import OF_A_TREE, MissingPart, PartKind, PartReason
from crawljobs.domain.subreddit import AccessState

T = TypeVar("T")

MESSAGE_MAX = 200  # characters

# The only place that says what gives up a part, and as what; the first class that fits counts.
# What is not listed here passes through and decides about the job.
_GIVES_UP: tuple[tuple[type[crawl_failures.CrawlFailure], PartReason], ...] = (
    (crawl_failures.BadRequest, PartReason.REFUSED),
    (crawl_failures.TooLarge, PartReason.TOO_LARGE),
    (crawl_failures.Unavailable, PartReason.UNAVAILABLE),
    (crawl_failures.AuthorRefused, PartReason.UNAVAILABLE),
    (crawl_failures.UpstreamTrouble, PartReason.TROUBLE),
)

# By these Reddit answers that an item is not there (any more): nothing is missing then.
_GONE = frozenset({AccessState.NOT_FOUND, AccessState.BANNED, AccessState.LEGAL})


class GivenUp(Exception):
    """The part is not to be had now; the crawl goes on without it."""

    def __init__(self, part: MissingPart) -> None:
        super().__init__(f"{part.kind} {part.item}: {part.reason}")
        self.part = part


def reason_of(error: crawl_failures.CrawlFailure) -> PartReason | None:
    """Why a part that failed so is given up; None when the failure is about more than the part."""
    return next((reason for kind, reason in _GIVES_UP if isinstance(error, kind)), None)


def request(
    context: CrawlContext,
    kind: PartKind,
    item: str,
    call: Callable[[RedditClient], T],
    *,
    if_gone: T | None = None,
    passing: tuple[type[crawl_failures.CrawlFailure], ...] = (),
) -> T:
    """One request for a part; `if_gone` is its value when Reddit says that it is not there.

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
    """A suspended account is 403: for a history, every refusal is Reddit's answer."""
    return isinstance(error, crawl_failures.Unavailable) and (
        kind is PartKind.HISTORY or error.access in _GONE
    )


def missing(
    context: CrawlContext, kind: PartKind, item: str, reason: PartReason, message: str
) -> MissingPart:
    """The part, given up now: its next look is the later the more crawls have done so in a row.

    A tree may lose several requests in one crawl.
    """
    item = item[: missing_part.ITEM_MAX]
    known = context.parts.get(kind, item)
    is_own = any((one.kind, one.item) == (kind, item) for one in context.checkpoint.missing)
    failed = 1 if known is None else known.failures + (not is_own)
    delay = missing_part.next_look(kind, failed, first=context.settings.part_retry)
    return MissingPart(
        kind=kind,
        item=item,
        reason=reason,
        message=completion.storable(message)[:MESSAGE_MAX],
        failures=failed,
        next_look_at=context.now() + delay,
    )


def posts_to_fetch(context: CrawlContext) -> list[str]:
    """The posts whose tree, or a part of it, an earlier crawl gave up and is due for another look.

    A crawl that was interrupted does not ask again for the parts that it gave up itself.
    """
    own = own_trees(context)
    due = context.parts.due(*OF_A_TREE, now=context.now())
    return list(dict.fromkeys(part.item for part in due if part.item not in own))


def own_trees(context: CrawlContext) -> set[str]:
    """The posts whose tree, or a part of it, this crawl gave up, as far as it lists them."""
    return {part.item for part in context.checkpoint.missing if part.kind in OF_A_TREE}
