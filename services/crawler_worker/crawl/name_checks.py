"""Sixth phase: ask Reddit, in one request, which of the names that were met are subreddits."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from crawler_worker.crawl.crawl_context import CrawlContext
from crawler_worker.crawl.missing import parts
from crawler_worker.reddit import endpoints
from crawljobs.db.database import Connection
from crawljobs.domain import subreddit
from crawljobs.domain.job import Enqueued, JobSource
from crawljobs.domain.missing_part import PartKind, PartReason
from crawljobs.domain.reddit_items import Items
from crawljobs.repository.content import discovery, stored_subreddits
from crawljobs.repository.queue import job_queue

PRIORITY = 0  # nobody asked for it: it comes after everything that somebody did


def crawl(session: CrawlContext) -> None:
    """Leaves the checkpoint in this phase: what follows is the end."""
    if not is_wanted(session):
        return
    names = session.read(
        lambda conn: discovery.unchecked(
            conn, subreddit_id=session.claim.subreddit_id, at_most=endpoints.NAMES_LIMIT - 1
        )
    )
    if names:
        _check(session, names)
    elif session.parts.get(PartKind.NAMES) is not None:
        # The crawl of a neighbour has checked the names meanwhile: they are not missing any more.
        session.store(session.at, settled=[(PartKind.NAMES, "")])


def is_wanted(session: CrawlContext) -> bool:
    """Not from a crawl that met nothing new: what it could lead to, the one before led to.

    Unless that one could not ask.
    """
    settings = session.settings
    is_missing = bool(session.parts.due(PartKind.NAMES, now=session.now()))
    return (
        (session.met_new() or is_missing)
        and settings.fetch_user_subreddits
        and settings.user_sub_enqueue_max > 0
        and settings.discovery_max_live_jobs > 0
        and session.claim.depth < settings.discovery_max_depth
    )


def _check(session: CrawlContext, names: Sequence[str]) -> None:
    """What Reddit does not show of these does not exist, or not for us."""
    try:
        items = _shown(session, names)
    except parts.GivenUp as given_up:
        session.give_up(session.at, given_up.part)
        return
    asked = {name.lower() for name in names}
    shown = tuple(about for about in items.subreddits if about.name.lower() in asked)
    missing = sorted(asked - {about.name.lower() for about in shown})

    def hold(conn: Connection) -> None:
        stored_subreddits.hold(
            conn,
            names=asked,
            discovered_from=session.claim.subreddit_id,
            depth=session.claim.depth + 1,
        )

    def record(conn: Connection) -> None:
        discovery.record_missing(
            conn,
            names=missing,
            discovered_from=session.claim.subreddit_id,
            depth=session.claim.depth + 1,
        )

    then = replace(session.at, page=session.at.page + 1)
    session.store(
        then,
        Items(subreddits=shown),
        first=hold,
        also=record,
        settled=[(PartKind.NAMES, "")],
    )


def _shown(session: CrawlContext, names: Sequence[str]) -> Items:
    """The communities that Reddit shows of these names. Raises GivenUp.

    The crawled community itself is the last of the names asked for: a reply without it is empty or
    cut off, and would make all the others unknown for good. A profile is shown by no name: of its
    crawl, a second empty reply is believed.
    """
    own = session.claim.subreddit
    control = () if own.lower().startswith(subreddit.PROFILE) else (own,)
    for _ in range(2):
        items = parts.request(
            session,
            PartKind.NAMES,
            "",
            lambda client: endpoints.subreddits_named(
                client, names=(*names, *control), stop=session.stop
            ),
        )
        found = {about.name.lower() for about in items.subreddits}
        if found and found.issuperset(name.lower() for name in control):
            return items
    if not control:
        return items
    message = f"Reddit does not show r/{own} among the names, although it exists"
    raise parts.GivenUp(parts.missing(session, PartKind.NAMES, "", PartReason.TROUBLE, message))


def promotable(session: CrawlContext, conn: Connection) -> dict[str, int]:
    """The strongest candidates for which there is room, with the ids of their subreddits."""
    if not is_wanted(session) or not session.can_discover(conn):
        return {}
    claim, settings = session.claim, session.settings
    names = discovery.candidates(
        conn, subreddit_id=claim.subreddit_id, at_most=settings.user_sub_enqueue_max
    )
    if not names:
        return {}
    names = names[: discovery.room(conn, at_most=settings.discovery_max_live_jobs)]
    ids = stored_subreddits.ensure(
        conn, names=names, discovered_from=claim.subreddit_id, depth=claim.depth + 1
    )
    return {name: ids[name.lower()] for name in names}


def enqueue(session: CrawlContext, conn: Connection, names: Collection[str]) -> list[Enqueued]:
    """Enqueue crawls of what was found, in the transaction that ends the crawl."""
    return job_queue.enqueue_many(
        conn,
        subreddits_named=sorted(names, key=str.lower),
        priority=PRIORITY,
        source=JobSource.DISCOVERY,
        depth=session.claim.depth + 1,
        discovered_from=session.claim.subreddit_id,
        all_known=True,  # no subreddit is locked before the jobs
    )
