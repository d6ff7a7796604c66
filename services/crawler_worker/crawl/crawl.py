"""Runs the phases of one crawl, from wherever the last attempt came to."""

from __future__ import annotations

from crawler_worker.crawl import about, authors, checkpoint, comments, ending, posts, trees
from crawler_worker.crawl.session import AllowanceSpent, Session
from crawler_worker.reddit import failures
from crawler_worker.reddit.client import RedditClient
from crawler_worker.reddit.stop import Stop
from crawljobs.db.database import Database
from crawljobs.domain.job import Claim
from crawljobs.repository import subreddits
from crawljobs.settings import CrawlSettings

CRAWLED = "crawled"


def run(
    claim: Claim, *, database: Database, client: RedditClient, settings: CrawlSettings, stop: Stop
) -> str:
    """The outcome: `crawled`, or the access state that kept us out. Completing is the caller's.

    Raises CrawlFailure (its `kind` says what to do), Interrupted, ClaimLost, DatabaseUnavailable,
    UnreadableCheckpoint. Whatever is raised, the pages stored so far are kept with their
    checkpoint.
    """
    session = Session(
        claim,
        checkpoint.read(claim.checkpoint),
        database=database,
        client=client,
        settings=settings,
        stop=stop,
    )
    if session.at.phase == "done":
        return CRAWLED
    try:
        _crawl(session)
    except failures.Unavailable as error:
        access = error.access
        session.store(
            session.at,
            also=lambda conn: subreddits.record_access(
                conn, subreddit_id=claim.subreddit_id, access=access
            ),
        )
        return access.value
    return CRAWLED


def _crawl(session: Session) -> None:
    """Each phase leaves the checkpoint at the next one."""
    past = session.read(
        lambda conn: subreddits.before_crawl(conn, subreddit_id=session.claim.subreddit_id)
    )
    marks = past.marks
    try:
        if session.at.phase == "about":
            about.crawl(session)
        if session.at.phase == "posts":
            posts.crawl(session, marks=marks)
        if session.at.phase == "comments":
            comments.crawl(session, marks=marks)
        if session.at.phase == "trees":
            trees.crawl(session)
            session.at = session.at.enter("authors")
        if session.at.phase == "authors":
            authors.crawl(session)
    except AllowanceSpent:
        pass  # the crawl ends with what it has
    ending.finish(session)
