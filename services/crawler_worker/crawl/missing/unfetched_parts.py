"""Lists the parts (optional requests) that are missing when a crawl finishes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from crawler_worker.crawl import author_histories, name_checks
from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.crawl.checkpoints.forecast import PHASES
from crawler_worker.crawl.crawl_context import CrawlContext
from crawler_worker.crawl.missing import parts as crawl_parts
from crawler_worker.crawl.missing.known_parts import Key, key_of
from crawljobs.domain import missing_part
from crawljobs.domain.missing_part import OF_A_TREE, MissingPart, PartKind, PartReason

MESSAGE = "the crawl had made all requests that it may make"


def parts(context: CrawlContext) -> list[MissingPart]:
    """Return the parts that the crawl did not request, because it had used up its requests:

    - the rest of a listing
    - the chosen trees and histories
    - due parts that earlier crawls gave up

    The next crawl requests these parts. No follow-up crawl is enqueued.
    """
    at, left = context.checkpoint, dict[Key, None]()
    phase = PHASES.index(at.phase)
    if at.phase == "posts":
        left[PartKind.POSTS, at.cursor or ""] = None
    if phase <= PHASES.index("comments"):
        known = context.parts.get(PartKind.COMMENTS)
        if at.phase == "comments":
            left[PartKind.COMMENTS, at.cursor or ""] = None
        elif known is not None and known.is_due(context.now()):
            left[PartKind.COMMENTS, known.item] = None
    if phase <= PHASES.index("trees") and context.settings.max_comments_per_post:
        left.update(dict.fromkeys(_trees(context)))
    left.update(dict.fromkeys((PartKind.HISTORY, name) for name in author_histories.left(context)))
    if context.parts.due(PartKind.NAMES, now=context.now()) and name_checks.is_wanted(context):
        left[PartKind.NAMES, ""] = None
    return [_part(context, kind, item) for kind, item in left]


def _trees(context: CrawlContext) -> list[Key]:
    """Return the keys of the trees, and of the parts of trees, that this crawl has not requested:

    - If an earlier crawl gave up parts of a tree: the parts whose next try is due.
    - For each other tree that this crawl has chosen: the whole tree.
    """
    at, again = context.checkpoint, set(crawl_parts.posts_to_fetch(context))
    due = context.parts.due(*OF_A_TREE, now=context.now())
    found = [(part.kind, part.item) for part in due if part.item in again]
    chosen = [] if at.tree is None else [at.tree.post]
    chosen += [post for post, _ in at.busiest]
    return [*found, *((PartKind.TREE, post) for post in chosen if post not in again)]


def _part(context: CrawlContext, kind: PartKind, item: str) -> MissingPart:
    """Return the part as missing. The part was not requested, so no further failure is counted."""
    known = context.parts.get(kind, item)
    return MissingPart(
        kind=kind,
        item=item,
        reason=PartReason.ALLOWANCE,
        message=MESSAGE,
        failures=1 if known is None else known.failures,
        next_look_at=context.now(),
        seen_to=None if known is None else known.seen_to,
    )


def listed(context: CrawlContext, at: Checkpoint, left: Sequence[MissingPart]) -> Checkpoint:
    """Return the checkpoint `at` with all parts that are missing after this crawl:

    - parts that this crawl gave up
    - parts in `left`: the crawl had used up its requests
    - parts that earlier crawls gave up and this crawl did not request
    """
    missing: dict[Key, MissingPart] = {}
    for part in (*at.missing, *left, *context.parts.all()):
        missing.setdefault(key_of(part.kind, part.item), part)
    first = tuple(missing.values())[: missing_part.LISTED_MAX]
    return replace(at, missing=first, given_up=max(at.given_up, len(missing)))
