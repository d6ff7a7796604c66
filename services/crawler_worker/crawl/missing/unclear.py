"""Defers a crawl if a required request fails or gets an unclear reply, but other requests succeed.

The cause is outside the job: a server, a cache or a proxy has a failure or returns a wrong page.
"""

from __future__ import annotations

from dataclasses import replace

from crawler_worker.crawl.crawl_context import CrawlContext
from crawler_worker.reddit import crawl_failures
from crawljobs.domain import retry


def deferral(
    context: CrawlContext, error: crawl_failures.UpstreamTrouble | crawl_failures.BadRequest
) -> crawl_failures.CrawlFailure:
    """Return the failure that the crawl must raise after this error of a required request.

    - Usually the job is deferred: it waits, and no attempt is charged. The checkpoint counts the
      deferrals.
    - After a day of deferrals, the job fails.
    - If Reddit rejects the request and the subreddit was never crawled, the job fails at once. The
      subreddit may not exist.

    Raises ClaimLost and DatabaseUnavailable.
    """
    if isinstance(error, crawl_failures.BadRequest) and context.last_crawled_at is None:
        context.save_requests()
        return error
    so_far = context.checkpoint.unclear
    if so_far >= retry.UNCLEAR_DEFERRALS_MAX:
        return crawl_failures.BadRequest(
            f"Reddit has given no usable reply for r/{context.claim.subreddit} for a day, though "
            f"it answers for others; last: {error}. Retry the job when the community can be "
            "opened in a browser."
        )
    context.store(replace(context.checkpoint, unclear=so_far + 1))
    seconds = min(retry.UNCLEAR_LONGEST_SECONDS, retry.UNCLEAR_FIRST_SECONDS * 2.0**so_far)
    return crawl_failures.NothingClear(
        f"Reddit gives no usable reply for this community, though it answers for others "
        f"(deferral {so_far + 1} of {retry.UNCLEAR_DEFERRALS_MAX}): {error}",
        resume_in=seconds,
    )
