"""Finishes a crawl: stores its high-water marks, next crawl time and discovered subreddits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from crawler_worker.claims import claim_counters
from crawler_worker.crawl import access_schedules, name_checks
from crawler_worker.crawl.checkpoints.checkpoint import Checkpoint
from crawler_worker.crawl.checkpoints.forecast import PHASES
from crawler_worker.crawl.crawl_context import CrawlContext
from crawler_worker.crawl.missing import unfetched_parts
from crawljobs.db.database import Connection
from crawljobs.domain import revisit
from crawljobs.domain.completion import TERMINAL_OUTCOMES
from crawljobs.domain.coverage import ListingName
from crawljobs.domain.job import Enqueued, JobSource
from crawljobs.domain.missing_part import MissingPart
from crawljobs.domain.revisit import RevisitPolicy
from crawljobs.domain.subreddit import AccessState
from crawljobs.repository.content import (
    coverage,
    crawl_history,
    crawled_trees,
    listing_gaps,
    missing_parts,
    recent_activity,
    subreddit_access,
)
from crawljobs.repository.content.crawl_history import Marks
from crawljobs.repository.content.crawled_trees import TreeSummary
from crawljobs.runtime import logs

log = logs.get_logger(__name__)


def finish(context: CrawlContext, *, left: Sequence[MissingPart] = ()) -> None:
    """Store the high-water marks, the jobs of discovered subreddits and the phase `done`.

    The transaction must lock all jobs in the order of their subreddit ids. So the transaction has
    these steps:

    - Enqueue the discovered subreddits with lower ids than the crawled subreddit.
    - Lock the crawl's own job.
    - Enqueue the discovered subreddits with higher ids.

    `left` are parts that the crawl could not request, because it had used up its requests.
    """
    marks = _marks(context.checkpoint)
    done = unfetched_parts.listed(context, context.checkpoint.enter("done"), left)
    promoted: list[Enqueued] = []
    later: list[str] = []

    def enqueue_earlier(conn: Connection) -> None:
        found = name_checks.promotable(context, conn)
        own = context.claim.subreddit_id
        later[:] = [name for name, subreddit_id in found.items() if subreddit_id > own]
        promoted[:] = name_checks.enqueue(context, conn, found.keys() - set(later))

    def enqueue_later(conn: Connection) -> None:
        promoted.extend(name_checks.enqueue(context, conn, later))

    def work(conn: Connection) -> None:
        crawl_history.finish_crawl(
            conn,
            subreddit_id=context.claim.subreddit_id,
            marks=marks,
            depth=context.claim.depth,
            gap=context.checkpoint.gap,
            next_crawl_at=_next_visit(context, conn),
        )
        for part in left:
            missing_parts.record(conn, subreddit_id=context.claim.subreddit_id, part=part)
        _record_coverage(context, conn)

    context.store(done, before=enqueue_earlier, first=enqueue_later, extra_writes=work)
    if context.checkpoint.gap:
        log.warning("crawl.gap", job_id=context.claim.job_id, subreddit=context.claim.subreddit)
    for part in left:
        claim_counters.given_up(part)
    claim_counters.enqueued(JobSource.DISCOVERY, promoted)


def _record_coverage(context: CrawlContext, conn: Connection) -> None:
    at, subreddit_id = context.checkpoint, context.claim.subreddit_id
    missing_parts.postpone_due(conn, subreddit_id=subreddit_id)
    listing_gaps.record_gaps(
        conn,
        subreddit_id=subreddit_id,
        gaps=at.gaps,
        walks={ListingName.POSTS: at.posts_walk, ListingName.COMMENTS: at.comments_walk},
    )
    coverage.record(
        conn,
        subreddit_id=subreddit_id,
        posts=at.posts_walk,
        comments=at.comments_walk,
        trees=_trees(context, conn),
        soonest_retry=context.settings.part_retry,
    )


def _trees(context: CrawlContext, conn: Connection) -> TreeSummary | None:
    """Return the summary of the comment trees, or None if this crawl cannot have changed a tree.

    The trees are counted only if necessary, because the count is the most expensive statement of
    this transaction.
    """
    is_first = context.last_crawled_at is None
    if not (is_first or context.met_new() or context.has_changed_parts or context.checkpoint.whole):
        return None
    return crawled_trees.summary(conn, subreddit_id=context.claim.subreddit_id)


def record_barred(context: CrawlContext, access: AccessState) -> None:
    """Record that Reddit denies access to the subreddit, and set the time of the next crawl.

    If the subreddit was crawled before, a new state is accepted only after three checks in a row
    with this state. At most one check is counted in 8 hours. If the accepted state is banned,
    missing, suspended or legally restricted, the subreddit's schedules are disabled.

    Raises ClaimLost, Interrupted and DatabaseUnavailable.
    """

    is_believed = False

    def work(conn: Connection) -> None:
        nonlocal is_believed
        subreddit_id = context.claim.subreddit_id
        is_believed = subreddit_access.record_access(conn, subreddit_id=subreddit_id, access=access)

    context.store(context.checkpoint, extra_writes=work)
    if is_believed and access.value in TERMINAL_OUTCOMES:
        access_schedules.disable_all(context, access)


def _marks(at: Checkpoint) -> Marks:
    """Return the new high-water marks of the listings whose walk has ended.

    If the crawl ended before the end of a walk, older items of the listing are missing. So the
    listing's mark must not move.
    """
    reached = PHASES.index(at.phase)
    return Marks(
        post=at.newest_post if reached > PHASES.index("posts") else None,
        comment=at.newest_comment if reached > PHASES.index("comments") else None,
    )


def _next_visit(context: CrawlContext, conn: Connection) -> datetime | None:
    """Return the time of the next crawl, or None if `adaptive_interval` is off."""
    if not context.settings.adaptive_interval:
        return None
    now = context.now()
    policy = RevisitPolicy(items=context.settings.revisit_items)
    activity = recent_activity.activity(conn, subreddit_id=context.claim.subreddit_id, now=now)
    return revisit.next_visit(activity, now=now, policy=policy)
