"""The end of a crawl: its marks, the next visit, and the subreddits it led to."""

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
    crawled_trees,
    missing_parts,
    revisits,
    stored_subreddits,
    subreddit_access,
)
from crawljobs.repository.content.crawled_trees import TreeSummary
from crawljobs.repository.content.stored_subreddits import Marks
from crawljobs.runtime import logs

log = logs.get_logger(__name__)


def finish(session: CrawlContext, *, left: Sequence[MissingPart] = ()) -> None:
    """Marks, discovered jobs and the phase `done`, all or nothing.

    `left` are parts that a crawl without requests leaves to the next one.

    Jobs are locked in the order of their subreddits, this crawl's own among them.
    """
    marks = _marks(session.at)
    done = unfetched_parts.listed(session, session.at.enter("done"), left)
    promoted: list[Enqueued] = []
    later: list[str] = []

    def enqueue_earlier(conn: Connection) -> None:
        found = name_checks.promotable(session, conn)
        own = session.claim.subreddit_id
        later[:] = [name for name, subreddit_id in found.items() if subreddit_id > own]
        promoted[:] = name_checks.enqueue(session, conn, found.keys() - set(later))

    def enqueue_later(conn: Connection) -> None:
        promoted.extend(name_checks.enqueue(session, conn, later))

    def work(conn: Connection) -> None:
        stored_subreddits.finish_crawl(
            conn,
            subreddit_id=session.claim.subreddit_id,
            marks=marks,
            depth=session.claim.depth,
            gap=session.at.gap,
            next_crawl_at=_next_visit(session, conn),
        )
        for part in left:
            missing_parts.record(conn, subreddit_id=session.claim.subreddit_id, part=part)
        _record_coverage(session, conn)

    session.store(done, before=enqueue_earlier, first=enqueue_later, also=work)
    if session.at.gap:
        log.warning("crawl.gap", job_id=session.claim.job_id, subreddit=session.claim.subreddit)
    for part in left:
        claim_counters.given_up(part)
    claim_counters.enqueued(JobSource.DISCOVERY, promoted)


def _record_coverage(session: CrawlContext, conn: Connection) -> None:
    at, subreddit_id = session.at, session.claim.subreddit_id
    missing_parts.postpone_due(conn, subreddit_id=subreddit_id)
    coverage.record_gaps(
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
        trees=_trees(session, conn),
        soonest_look=session.settings.part_retry,
    )


def _trees(session: CrawlContext, conn: Connection) -> TreeSummary | None:
    """None when nothing has changed: counting takes longer than all else that is written here."""
    is_first = session.last_crawled_at is None
    if not (is_first or session.met_new() or session.has_changed_parts or session.at.whole):
        return None
    return crawled_trees.summary(conn, subreddit_id=session.claim.subreddit_id)


def record_barred(session: CrawlContext, access: AccessState) -> None:
    """Record that access is denied, set the next look, and disable the schedules of a subreddit
    that is gone: at once, or at the third equal look when it was crawled before.
    """

    is_believed = False

    def work(conn: Connection) -> None:
        nonlocal is_believed
        subreddit_id = session.claim.subreddit_id
        is_believed = subreddit_access.record_access(conn, subreddit_id=subreddit_id, access=access)

    session.store(session.at, also=work)
    if is_believed and access.value in TERMINAL_OUTCOMES:
        access_schedules.disable_all(session, access)


def _marks(at: Checkpoint) -> Marks:
    """Only of listings that were walked to their end: below an early end something is missing."""
    reached = PHASES.index(at.phase)
    return Marks(
        post=at.newest_post if reached > PHASES.index("posts") else None,
        comment=at.newest_comment if reached > PHASES.index("comments") else None,
    )


def _next_visit(session: CrawlContext, conn: Connection) -> datetime | None:
    """None: when somebody asks, or when it has become stale."""
    if not session.settings.adaptive_interval:
        return None
    now = session.now()
    policy = RevisitPolicy(items=session.settings.revisit_items)
    activity = revisits.activity(conn, subreddit_id=session.claim.subreddit_id, now=now)
    return revisit.next_visit(activity, now=now, policy=policy)
