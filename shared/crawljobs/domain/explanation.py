"""Explain why a job runs or waits: every condition for a claim, and the cause of the wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from crawljobs.domain.job import FINAL, ErrorKind, Job, JobStatus, WaitReason

_WAITS: dict[WaitReason, str] = {
    WaitReason.RETRY: "its next attempt, after one that failed",
    WaitReason.RATE_LIMIT: "Reddit's request budget",
    WaitReason.POLITENESS: "its subreddit's minimum gap between two crawls",
    WaitReason.PAUSED: "the end of a pause of its subreddit",
    WaitReason.OUTAGE: "the end of an outage",
    WaitReason.LATER: "the time it was asked for",
    WaitReason.UNCLEAR: "a usable reply about its community: Reddit answers for others",
}


DETAIL_SHOWN = 300  # limit in characters; the rest of a worker's error message is not shown

_ANSWERED_429 = "Reddit answered 429"
_REFUSED = {
    "client_refused": "Reddit to accept the client again: its id or address is blocked",
    "credentials_refused": "credentials that Reddit accepts",
}


@dataclass(frozen=True)
class Surroundings:
    """The facts outside a job that decide when the job runs."""

    now: datetime
    paused: bool  # whether the whole queue is paused
    paused_until: datetime | None  # None: no pause, or a pause without an end
    subreddit_paused: bool
    subreddit_paused_until: datetime | None
    reddit_until: datetime | None  # before this time no worker sends a request to Reddit
    workers_alive: int
    ahead: int  # number of jobs that workers claim before this job
    ahead_at_least: bool  # whether more jobs may be ahead, because counting stopped at a limit
    starts_per_minute: float  # claims per minute, estimated from claims that ended recently
    reddit_reason: str | None = None  # why the circuit breaker is open; None: it is closed
    reddit_detail: str = ""


@dataclass(frozen=True)
class Condition:
    """One condition for a claim of the job, and whether it is met."""

    name: str
    met: bool
    value: str
    detail: str


@dataclass(frozen=True)
class Explanation:
    summary: str
    conditions: tuple[Condition, ...]
    position: int | None  # place in the queue: 1 is claimed next; None: the job is not queued
    position_at_least: bool  # true: counting stopped at a limit, so the position may be higher
    waits_for: str | None
    until: datetime | None
    estimated_start: datetime | None


def explain(job: Job, around: Surroundings) -> Explanation:
    """Return the conditions for a claim, the cause of the wait and the estimated start."""
    conditions = _conditions(job, around)
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
    )


def _conditions(job: Job, around: Surroundings) -> tuple[Condition, ...]:
    is_due = job.status is not JobStatus.WAITING or (
        job.not_before is not None and job.not_before <= around.now
    )
    return (
        Condition(
            "queued",
            job.status is JobStatus.QUEUED,
            job.status if job.wait_reason is None else f"{job.status} ({job.wait_reason})",
            "Only a queued job is claimed.",
        ),
        Condition(
            "visible",
            is_due,
            "no end is set" if job.not_before is None else job.not_before.isoformat(),
            "Not before its visible_at.",
        ),
        Condition(
            "queue_not_paused",
            not around.paused,
            _pause(around.paused, around.paused_until),
            "Nothing is claimed while everything is paused.",
        ),
        Condition(
            "subreddit_not_paused",
            not around.subreddit_paused,
            _pause(around.subreddit_paused, around.subreddit_paused_until),
            "Nothing of a paused subreddit is claimed.",
        ),
        Condition(
            "reddit_available",
            around.reddit_until is None,
            _reddit(around),
            "While Reddit is down, throttles us or refuses the client, crawls wait.",
        ),
        Condition(
            "worker_alive",
            around.workers_alive > 0,
            str(around.workers_alive),
            "Some crawler-worker must have been seen lately.",
        ),
    )


def _reddit(around: Surroundings) -> str:
    if around.reddit_until is None:
        return "available"
    until = around.reddit_until.isoformat()
    if around.reddit_reason is None:
        return f"{until}: {_ANSWERED_429}"
    detail = f" ({around.reddit_detail})" if around.reddit_detail else ""
    return f"{until}: {around.reddit_reason}{detail}"


def _pause(paused: bool, until: datetime | None) -> str:
    if not paused:
        return "not paused"
    return "paused" if until is None else f"paused until {until.isoformat()}"


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
            f"{around.reddit_until.isoformat()}: {_ANSWERED_429}"
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
    # Each pair states whether a cause delays the job, and when the cause ends. None is an unknown
    # end. With an unknown end, the start cannot be estimated.
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
