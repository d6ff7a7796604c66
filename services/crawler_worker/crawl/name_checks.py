"""Sixth phase of a crawl: check with one request which of the found names are subreddits."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from crawler_worker.crawl.crawl_context import CrawlContext
from crawler_worker.crawl.missing import parts
from crawler_worker.reddit import endpoints
from crawljobs.db.database import Connection
from crawljobs.domain import subreddit
from crawljobs.domain.enqueue_request import EnqueueRequest
from crawljobs.domain.job import Enqueued, JobSource
from crawljobs.domain.missing_part import PartKind, PartReason
from crawljobs.domain.reddit_items import Items
from crawljobs.repository.content import discovery, discovery_candidates, stored_subreddits
from crawljobs.repository.queue import job_enqueue

# The priority of crawls of discovered subreddits. It is the lowest priority, so that requested
# crawls run first.
PRIORITY = 0


def crawl(context: CrawlContext) -> None:
    """Check which of the stored names are subreddits. Crawls of this subreddit found the names."""
    if not is_wanted(context):
        return
    names = context.read(
        lambda conn: discovery_candidates.unchecked(
            conn, subreddit_id=context.claim.subreddit_id, at_most=endpoints.NAMES_LIMIT - 1
        )
    )
    if names:
        _check(context, names)
    elif context.parts.get(PartKind.NAMES) is not None:
        # An earlier check failed, so a part is recorded as missing. The crawl of another subreddit
        # has checked the names in the meantime, so the part is not missing any more.
        context.store(context.checkpoint, settled=[(PartKind.NAMES, "")])


def is_wanted(context: CrawlContext) -> bool:
    """Return whether this crawl discovers subreddits.

    The settings must allow discovery, and the crawl must have seen new items. Without new items,
    the previous crawl has found the same names already. One exception: if an earlier check of names
    failed and its next try is due, the crawl needs no new items.
    """
    settings = context.settings
    is_missing = bool(context.parts.due(PartKind.NAMES, now=context.now()))
    return (
        (context.met_new() or is_missing)
        and settings.fetch_user_subreddits
        and settings.user_sub_enqueue_max > 0
        and settings.discovery_max_live_jobs > 0
        and context.claim.depth < settings.discovery_max_depth
    )


def _check(context: CrawlContext, names: Sequence[str]) -> None:
    """Store the subreddits that Reddit returns, and record that the other names do not exist."""
    try:
        items = _shown(context, names)
    except parts.GivenUp as given_up:
        context.give_up(context.checkpoint, given_up.part)
        return
    requested = {name.lower() for name in names}
    shown = tuple(about for about in items.subreddits if about.name.lower() in requested)
    missing = sorted(requested - {about.name.lower() for about in shown})

    def hold(conn: Connection) -> None:
        stored_subreddits.hold(
            conn,
            names=requested,
            discovered_from=context.claim.subreddit_id,
            depth=context.claim.depth + 1,
        )

    def record(conn: Connection) -> None:
        discovery.record_missing(
            conn,
            names=missing,
            discovered_from=context.claim.subreddit_id,
            depth=context.claim.depth + 1,
        )

    then = replace(context.checkpoint, page=context.checkpoint.page + 1)
    context.store(
        then,
        Items(subreddits=shown),
        first=hold,
        extra_writes=record,
        settled=[(PartKind.NAMES, "")],
    )


def _shown(context: CrawlContext, names: Sequence[str]) -> Items:
    """Return the subreddits that Reddit returns for these names. Raises GivenUp.

    The last name in the request is the crawled subreddit, which exists. A reply without the crawled
    subreddit is empty or cut off. This reply is not used, because absent subreddits would be
    recorded as missing for good. After the first reply of this kind, the request is repeated. After
    the second reply of this kind, GivenUp is raised.

    Reddit never returns a profile by its name, so the crawl of a profile does not add its own name.
    The crawl of a profile repeats the request only after an empty reply, and accepts a second empty
    reply.
    """
    own = context.claim.subreddit
    control = () if own.lower().startswith(subreddit.PROFILE) else (own,)
    for _ in range(2):
        items = parts.request(
            context,
            PartKind.NAMES,
            "",
            lambda requester: endpoints.subreddits_named(requester, names=(*names, *control)),
        )
        found = {about.name.lower() for about in items.subreddits}
        if found and found.issuperset(name.lower() for name in control):
            return items
    if not control:
        return items
    message = f"Reddit does not show r/{own} among the names, although it exists"
    raise parts.GivenUp(parts.missing(context, PartKind.NAMES, "", PartReason.TROUBLE, message))


def promotable(context: CrawlContext, conn: Connection) -> dict[str, int]:
    """Return the discovered subreddits with the strongest evidence, as {name: subreddit id}.

    Evidence of a related subreddit is a shared author, a mention or a crosspost. The number of live
    discovery jobs is limited. Return at most as many subreddits as this limit allows.
    """
    if not is_wanted(context) or not context.can_discover(conn):
        return {}
    claim, settings = context.claim, context.settings
    names = discovery_candidates.candidates(
        conn, subreddit_id=claim.subreddit_id, at_most=settings.user_sub_enqueue_max
    )
    if not names:
        return {}
    names = names[: discovery.room(conn, at_most=settings.discovery_max_live_jobs)]
    ids = stored_subreddits.ensure(
        conn, names=names, discovered_from=claim.subreddit_id, depth=claim.depth + 1
    )
    return {name: ids[name.lower()] for name in names}


def enqueue(context: CrawlContext, conn: Connection, names: Collection[str]) -> list[Enqueued]:
    """Enqueue crawls of discovered subreddits. Call this in the transaction that ends the crawl."""
    request = EnqueueRequest(
        sorted(names, key=str.lower),
        PRIORITY,
        JobSource.DISCOVERY,
        depth=context.claim.depth + 1,
        discovered_from=context.claim.subreddit_id,
    )
    return job_enqueue.enqueue(conn, [request])
