"""Defers a crawl whose required replies are unclear although Reddit accepts the client."""

from __future__ import annotations

from dataclasses import replace

from crawler_worker.crawl.session import Session
from crawler_worker.reddit import failures

# 1, 2, 4, ... minutes and then every four hours: a day in all.
FIRST_SECONDS, LONGEST_SECONDS = 60.0, 14_400.0
DEFERRALS_MAX = 13


def deferral(session: Session, error: failures.Unclear) -> failures.CrawlFailure:
    """The failure that ends this claim: the job waits without an attempt, or fails after a day."""
    so_far = session.at.unclear
    if so_far >= DEFERRALS_MAX:
        return failures.BadRequest(
            f"Reddit has answered nothing clear for r/{session.claim.subreddit} for a day, though "
            f"it answers for others; last: {error}. Retry the job when the community can be "
            "opened in a browser."
        )
    session.store(replace(session.at, unclear=so_far + 1))
    seconds = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0**so_far)
    return failures.NothingClear(
        f"Reddit answers nothing clear for this community, though it answers for others "
        f"(deferral {so_far + 1} of {DEFERRALS_MAX}): {error}",
        resume_in=seconds,
    )
