"""Runs the phases of one crawl, from wherever the last attempt came to."""

from __future__ import annotations

from crawler_worker.crawl import (
    about,
    author_histories,
    comments,
    crawl_finish,
    name_checks,
    posts,
    trees,
)
from crawler_worker.crawl.checkpoints import checkpoint
from crawler_worker.crawl.checkpoints.forecast import PHASES
from crawler_worker.crawl.crawl_context import AllowanceSpent, CrawlContext
from crawler_worker.crawl.missing import unclear, unfetched_parts
from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.client import RedditClient
from crawler_worker.reddit.stop import Stop
from crawljobs.db.database import Database
from crawljobs.domain.job import Claim
from crawljobs.runtime import logs
from crawljobs.settings import CrawlSettings

CRAWLED = "crawled"
NO_BUDGET = "no_budget"  # nothing was seen: its requests were spent before the first reply

log = logs.get_logger(__name__)


def run(
    claim: Claim, *, database: Database, client: RedditClient, settings: CrawlSettings, stop: Stop
) -> str:
    """The outcome: `crawled`, `no_budget`, or the access state that kept us out. Completing is the
    caller's.

    Raises CrawlFailure (its `kind` says what to do), Interrupted, ClaimLost, DatabaseUnavailable,
    UnreadableCheckpoint. Whatever is raised, the pages stored so far are kept with their
    checkpoint.
    """
    at = checkpoint.read(claim.checkpoint)
    if at.phase == "done":
        return CRAWLED
    session = CrawlContext(
        claim, at, database=database, client=client, settings=settings, stop=stop
    )
    try:
        return _crawl(session)
    except crawl_failures.Unavailable as error:
        crawl_finish.record_barred(session, error.access)
        return error.access.value
    except (crawl_failures.UpstreamTrouble, crawl_failures.BadRequest) as error:
        raise unclear.deferral(session, error) from error
    except (crawl_failures.CrawlFailure, crawl_failures.Interrupted):
        session.save_requests()
        raise
    finally:
        client.forget_reply()


def _crawl(session: CrawlContext) -> str:
    """Each phase leaves the checkpoint at the next one."""
    try:
        if session.at.phase == "about":
            about.crawl(session)
        if session.at.phase == "posts":
            posts.crawl(session)
        if session.at.phase == "comments":
            comments.crawl(session)
        if session.at.phase == "trees":
            trees.crawl(session)
            session.at = session.at.enter("authors")
        if session.at.phase == "authors":
            author_histories.crawl(session)
            session.at = session.at.enter("discovery")
        if session.at.phase == "discovery":
            name_checks.crawl(session)
    except AllowanceSpent:
        log.info(
            "crawl.cut_short",
            job_id=session.claim.job_id,
            subreddit=session.claim.subreddit,
            phase=session.at.phase,
            requests=session.at.requests,
        )
        if session.at.phase == PHASES[0]:
            return NO_BUDGET
        crawl_finish.finish(session, left=unfetched_parts.parts(session))
        return CRAWLED
    crawl_finish.finish(session)
    return CRAWLED
