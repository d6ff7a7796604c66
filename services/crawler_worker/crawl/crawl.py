"""Runs the phases of one crawl, from wherever the last attempt came to."""

from __future__ import annotations

from crawler_worker.crawl import (
    about,
    authors,
    checkpoint,
    comments,
    discovery,
    ending,
    leftovers,
    posts,
    trees,
    unclear,
)
from crawler_worker.crawl.checkpoint import PHASES
from crawler_worker.crawl.session import AllowanceSpent, Session
from crawler_worker.reddit import failures
from crawler_worker.reddit.client import RedditClient
from crawler_worker.reddit.stop import Stop
from crawljobs import logs
from crawljobs.db.database import Database
from crawljobs.domain.job import Claim
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
    session = Session(claim, at, database=database, client=client, settings=settings, stop=stop)
    try:
        return _crawl(session)
    except failures.Unavailable as error:
        ending.record_barred(session, error.access)
        return error.access.value
    except (failures.UpstreamTrouble, failures.BadRequest) as error:
        raise unclear.deferral(session, error) from error
    except (failures.CrawlFailure, failures.Interrupted):
        session.save_requests()
        raise
    finally:
        client.forget_reply()


def _crawl(session: Session) -> str:
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
            authors.crawl(session)
            session.at = session.at.enter("discovery")
        if session.at.phase == "discovery":
            discovery.crawl(session)
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
        ending.finish(session, left=leftovers.parts(session))
        return CRAWLED
    ending.finish(session)
    return CRAWLED
