"""The end of a crawl: its marks, and the subreddits it led to."""

from __future__ import annotations

from crawler_worker.crawl.checkpoint import PHASES, Checkpoint
from crawler_worker.crawl.session import Session
from crawljobs.db.database import Connection
from crawljobs.domain.job import JobSource
from crawljobs.repository import discovery, job_queue, subreddits
from crawljobs.repository.subreddits import Marks

DISCOVERY_PRIORITY = 0  # nobody asked for it: it comes after everything that somebody did


def finish(session: Session) -> None:
    """Marks, discovered jobs and the phase `done`, all or nothing."""

    def work(conn: Connection) -> None:
        subreddits.finish_crawl(
            conn, subreddit_id=session.claim.subreddit_id, marks=_marks(session.at)
        )
        _enqueue_discovered(session, conn)

    session.store(session.at.enter("done"), also=work)


def _marks(at: Checkpoint) -> Marks:
    """Only of listings that were walked to their end: below an early end something is missing."""
    reached = PHASES.index(at.phase)
    return Marks(
        post=at.newest_post if reached > PHASES.index("posts") else None,
        comment=at.newest_comment if reached > PHASES.index("comments") else None,
    )


def _enqueue_discovered(session: Session, conn: Connection) -> None:
    claim, settings = session.claim, session.settings
    # Without a history read there is nothing to know that the crawl before did not know.
    if session.at.authors == 0 or claim.depth >= settings.discovery_max_depth:
        return
    room = settings.discovery_max_live_jobs - discovery.live_jobs(conn)
    at_most = min(settings.user_sub_enqueue_max, room)
    if at_most <= 0:
        return
    names = discovery.candidates(conn, subreddit_id=claim.subreddit_id, at_most=at_most)
    job_queue.enqueue_many(
        conn,
        subreddits_named=sorted(names, key=str.lower),
        priority=DISCOVERY_PRIORITY,
        source=JobSource.DISCOVERY,
        depth=claim.depth + 1,
        discovered_from=claim.subreddit_id,
    )
