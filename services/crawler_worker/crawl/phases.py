"""Runs the phases of one crawl, starting at the checkpoint of the previous attempt."""

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
from crawler_worker.crawl.allowance import AllowanceSpent
from crawler_worker.crawl.checkpoints import saved_checkpoint
from crawler_worker.crawl.checkpoints.forecast import PHASES
from crawler_worker.crawl.crawl_context import CrawlContext
from crawler_worker.crawl.missing import unclear, unfetched_parts
from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.client import RedditClient
from crawler_worker.reddit.stop import Stop
from crawljobs.db.database import Database
from crawljobs.domain.claim import Claim
from crawljobs.runtime import logs
from crawljobs.settings import CrawlSettings

CRAWLED = "crawled"
NO_BUDGET = "no_budget"  # the outcome if no requests are left before the first reply is stored

log = logs.get_logger(__name__)


def run(
    claim: Claim, *, database: Database, client: RedditClient, settings: CrawlSettings, stop: Stop
) -> str:
    """Crawl the subreddit, and return the outcome. The caller completes the claim.

    The outcome is `crawled`, `no_budget`, or the access state if access is denied. After an error,
    the stored pages and the stored checkpoint remain. Raises CrawlFailure (its `kind` decides how
    the job continues), Interrupted, ClaimLost, DatabaseUnavailable and UnreadableCheckpoint.
    """
    at = saved_checkpoint.read(claim.checkpoint)
    if at.phase == "done":
        return CRAWLED
    context = CrawlContext(
        claim, at, database=database, client=client, settings=settings, stop=stop
    )
    try:
        return _crawl(context)
    except crawl_failures.Unavailable as error:
        crawl_finish.record_barred(context, error.access)
        return error.access.value
    except (crawl_failures.UpstreamTrouble, crawl_failures.BadRequest) as error:
        raise unclear.deferral(context, error) from error
    except (crawl_failures.CrawlFailure, crawl_failures.Interrupted):
        context.save_requests()
        raise
    finally:
        client.forget_reply()


def _crawl(context: CrawlContext) -> str:
    """Run the remaining phases. Each phase moves the checkpoint to the next phase."""
    try:
        if context.checkpoint.phase == "about":
            about.crawl(context)
        if context.checkpoint.phase == "posts":
            posts.crawl(context)
        if context.checkpoint.phase == "comments":
            comments.crawl(context)
        if context.checkpoint.phase == "trees":
            trees.crawl(context)
            context.move_to(context.checkpoint.enter("authors"))
        if context.checkpoint.phase == "authors":
            author_histories.crawl(context)
            context.move_to(context.checkpoint.enter("discovery"))
        if context.checkpoint.phase == "discovery":
            name_checks.crawl(context)
    except AllowanceSpent:
        log.info(
            "crawl.cut_short",
            job_id=context.claim.job_id,
            subreddit=context.claim.subreddit,
            phase=context.checkpoint.phase,
            requests=context.checkpoint.requests,
        )
        if context.checkpoint.phase == PHASES[0]:
            return NO_BUDGET
        crawl_finish.finish(context, left=unfetched_parts.parts(context))
        return CRAWLED
    crawl_finish.finish(context)
    return CRAWLED
