"""/api/crawl: enqueue a crawl of one subreddit, and show the state of the queue."""

from __future__ import annotations

from typing import Any

from admin_api.http import responses, state
from admin_api.http.blueprint import Blueprint
from admin_api.resources import enqueueing, job_filters
from admin_api.schemas.crawl import CrawlSchema, CrawlStatusParameters, CrawlStatusSchema
from admin_api.schemas.enqueue import EnqueuedSchema
from crawljobs.domain.api_token import Scope
from crawljobs.domain.job import JobStatus
from crawljobs.domain.job_filter import JobFilter
from crawljobs.repository.queue import job_list, job_stats

blueprint = Blueprint(
    "crawl", __name__, url_prefix="/api/crawl", description="Shortcuts", changes=Scope.JOBS
)

PRIORITY = 60
CRAWLING_SHOWN = 100
NEWEST_SHOWN = 10


@blueprint.post("")
@blueprint.body(CrawlSchema, examples={"crawl": {"value": {"subreddit": "python"}}})
@blueprint.answers(201, EnqueuedSchema, "A new job.", headers=enqueueing.LOCATION)
@blueprint.also_answers(
    200,
    EnqueuedSchema,
    "The subreddit's live job also serves this request.",
    headers=enqueueing.LOCATION,
)
def crawl_subreddit(params: dict[str, Any]) -> responses.Response:
    """Crawl a subreddit soon

    Enqueues the crawl with priority 60.
    """
    return enqueueing.enqueue_one(params["subreddit"], priority=PRIORITY)


@blueprint.get("/status")
@blueprint.parameters(CrawlStatusParameters)
@blueprint.answers(200, CrawlStatusSchema, "The state of the queue, and the jobs.")
def show_crawl_status(params: dict[str, Any]) -> dict[str, Any]:
    """Show the running crawls, or the jobs of one subreddit"""
    with state.current().database.read() as conn:
        stats = job_stats.queue_stats(conn)
        if params["subreddit"] is None:
            filters = JobFilter(statuses=frozenset({JobStatus.CRAWLING}))
            limit = CRAWLING_SHOWN
        else:
            filters = JobFilter(
                subreddit_id=job_filters.subreddit_id(conn, name=params["subreddit"])
            )
            limit = NEWEST_SHOWN
        found = job_list.list_jobs(conn, filters=filters, limit=limit)
    return {
        "paused": stats.paused,
        "queued": stats.by_status[JobStatus.QUEUED],
        "waiting": stats.by_status[JobStatus.WAITING],
        "crawling": stats.by_status[JobStatus.CRAWLING],
        "jobs": found.jobs,
    }
