"""Explain why a job runs or waits: every condition for a claim, and the cause of the wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from crawljobs.domain import remedies
from crawljobs.domain.claim_conditions import Condition, conditions_of
from crawljobs.domain.claim_surroundings import ANSWERED_429, Surroundings
from crawljobs.domain.job import FINAL, ErrorKind, Job, JobStatus, WaitReason
from crawljobs.domain.remedies import Remedy

_WAITS: dict[WaitReason, str] = {
    WaitReason.RETRY: "its next attempt, after one that failed",
    WaitReason.RATE_LIMIT: "Reddit's request budget",
    WaitReason.POLITENESS: "its subreddit's minimum gap between two crawls",
    WaitReason.PAUSED: "the end of a pause of its subreddit",
    WaitReason.OUTAGE: "the end of an outage",
    WaitReason.LATER: "the time it was asked for",
    WaitReason.UNCLEAR: "a usable reply about its community: Reddit answers for others",
}


# Maps the reason of a wait to the unmet condition. For all other reasons: `visible`.
_OBSTACLES = {
    WaitReason.PAUSED: "subreddit_not_paused",
    WaitReason.OUTAGE: "reddit_available",
    WaitReason.RATE_LIMIT: "reddit_available",
}
# The conditions of a queued job. The condition that delays the job most comes first.
_BY_WEIGHT = ("queue_not_paused", "subreddit_not_paused", "worker_alive", "reddit_available")

DETAIL_SHOWN = 300  # limit in characters; the rest of a worker's error message is not shown

_REFUSED = {
    "client_refused": "Reddit to accept the client again: its id or address is blocked",
    "credentials_refused": "credentials that Reddit accepts",
}


@dataclass(frozen=True)
class Explanation:
    """Why a job runs or waits.

    `obstacle` is the name of the condition that delays the job most, or None. `remedy` is the best
    action of an operator, or None.
    """

    summary: str
    conditions: tuple[Condition, ...]
    position: int | None  # place in the queue: 1 is claimed next; None: the job is not queued
    position_at_least: bool  # true: counting stopped at a limit, so the position may be higher
    waits_for: str | None
    until: datetime | None
    estimated_start: datetime | None
    obstacle: str | None = None
    remedy: Remedy | None = None


def explain(job: Job, around: Surroundings) -> Explanation:
    """Return the conditions for a claim, the cause of the wait and the estimated start."""
    conditions = conditions_of(job, around)
    waits_for, until = _waits(job, around)
    queued = job.status is JobStatus.QUEUED
    return Explanation(
        summary=_summary(job, around, waits_for),
        conditions=conditions,
        position=around.ahead + 1 if queued else None,
        position_at_least=queued and around.ahead_at_least,
        waits_for=waits_for,
        until=until,
        estimated_start=_estimated_start(job, around, until),
        obstacle=obstacle_of(job, around),
        remedy=_remedy(job, around, conditions),
    )


def obstacle_of(job: Job, around: Surroundings) -> str | None:
    """Return the name of the condition that delays the job most, or None if all conditions are met.

    A job that is over or that is being crawled has no obstacle. For a waiting job, the reason of
    its wait determines the obstacle.
    """
    if job.status in FINAL or job.status is JobStatus.CRAWLING:
        return None
    if job.wait_reason is not None:
        return _OBSTACLES.get(job.wait_reason, "visible")
    unmet = {each.name for each in conditions_of(job, around) if not each.met}
    return next((name for name in _BY_WEIGHT if name in unmet), None)


def waits_of(job: Job, around: Surroundings) -> str | None:
    """Return the cause of the job's wait in words, or None if the job does not wait.

    Each queued job without an obstacle waits for its turn. So `around` may lack the jobs ahead.
    """
    is_next = job.status is JobStatus.QUEUED and obstacle_of(job, around) is None
    return "its turn" if is_next else _waits(job, around)[0]


def _remedy(job: Job, around: Surroundings, conditions: tuple[Condition, ...]) -> Remedy | None:
    name = obstacle_of(job, around)
    if name is None and job.status is JobStatus.QUEUED and around.ahead:
        return remedies.boost(job)
    if job.status in FINAL or (name == "reddit_available" and around.reddit_until is None):
        return remedies.to_queue(job, is_reddit_paused=False)
    return next((each.remedy for each in conditions if each.name == name), None)


def _waits(job: Job, around: Surroundings) -> tuple[str | None, datetime | None]:
    """Return the most important cause of the job's wait, and when this cause ends, if known."""
    if job.status in FINAL or job.status is JobStatus.CRAWLING:
        return None, None
    if job.wait_reason is not None:
        return _cause(job, job.wait_reason, around), job.waits_until
    if around.paused:
        return "the end of a pause of everything", around.paused_until
    if around.subreddit_paused:
        return _WAITS[WaitReason.PAUSED], around.subreddit_paused_until
    if around.workers_alive == 0:
        return "a crawler-worker: none was seen lately", None
    if around.reddit_until is not None:
        return "Reddit to be available", around.reddit_until
    return "jobs that are claimed before it" if around.ahead else "a free worker", None


def _cause(job: Job, reason: WaitReason, around: Surroundings) -> str:
    """Return the cause of a wait as text, with the error that a worker reported."""
    waits_for = _WAITS.get(reason, f"the end of its wait reason, {reason.value}")
    is_for_reddit = reason in (WaitReason.OUTAGE, WaitReason.RATE_LIMIT)
    if is_for_reddit and around.reddit_until is not None and around.reddit_reason is None:
        return (
            "the end of the pause of all workers until "
            f"{around.reddit_until.isoformat()}: {ANSWERED_429}"
        )
    is_outage = reason is WaitReason.OUTAGE or (is_for_reddit and around.reddit_until is not None)
    if not is_outage and reason is not WaitReason.UNCLEAR:
        return waits_for
    detail = (job.error_message if job.error_kind is ErrorKind.DEFERRED else None) or ""
    if is_outage and around.reddit_until is None:
        # The job still waits for Reddit, but no pause of all workers is in force. Either the pause
        # has ended since a worker deferred the job, or only that worker had a failure.
        waits_for = "its next try: no pause of all workers is in force"
        detail = f"a worker deferred it earlier: {detail}" if detail else ""
    elif is_outage:
        waits_for = _REFUSED.get(around.reddit_reason or "", _WAITS[WaitReason.OUTAGE])
        detail = around.reddit_detail or detail
    return f"{waits_for} ({detail[:DETAIL_SHOWN]})" if detail else waits_for


def _summary(job: Job, around: Surroundings, waits_for: str | None) -> str:
    if job.status in FINAL:
        return f"It is over: {job.status}. Only an operator's retry would run it again."
    if job.status is JobStatus.CRAWLING:
        return f"It is being crawled by {job.claimed_by}."
    if job.status is JobStatus.QUEUED and around.ahead == 0 and waits_for == "a free worker":
        return "It is next: the first free worker claims it."
    return f"It waits for {waits_for}."


def _estimated_start(job: Job, around: Surroundings, until: datetime | None) -> datetime | None:
    """Return the job's start time, estimated from the jobs ahead and the recent claim rate.

    Returns None if no estimate is possible.
    """
    if job.status not in (JobStatus.QUEUED, JobStatus.WAITING):
        return None
    # Each pair states whether a cause delays the job, and when the cause ends. If the end of a
    # cause is unknown (None), the start of the job cannot be estimated.
    holds = [
        (job.status is JobStatus.WAITING, until),
        (around.paused, around.paused_until),
        (around.subreddit_paused, around.subreddit_paused_until),
    ]
    ends = [end for is_held, end in holds if is_held]
    if around.workers_alive == 0 or None in ends:
        return None
    if around.ahead and not around.starts_per_minute:
        return None
    minutes = around.ahead / around.starts_per_minute if around.ahead else 0.0
    start = around.now + timedelta(minutes=min(minutes, 60 * 24 * 365.0))
    return max([start, *(end for end in (*ends, around.reddit_until) if end is not None)])
