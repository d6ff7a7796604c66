"""The conditions for the claim of a job: whether and when each is met, and its remedy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from crawljobs.domain import remedies
from crawljobs.domain.claim_surroundings import ANSWERED_429, Surroundings
from crawljobs.domain.job import Job, JobStatus
from crawljobs.domain.remedies import Remedy


@dataclass(frozen=True)
class Condition:
    """One condition for a claim of the job, and whether it is met.

    For an unmet condition, `until` is the time at which the condition will be met, or None if the
    time is unknown. `remedy` is None if an operator can do nothing.
    """

    name: str
    met: bool
    value: str
    detail: str
    until: datetime | None = None
    remedy: Remedy | None = None


def conditions_of(job: Job, around: Surroundings) -> tuple[Condition, ...]:
    """Return all conditions for a claim of the job, in the order in which they are explained."""
    return (
        _queued(job, around),
        _visible(job, around),
        _queue_not_paused(around),
        _subreddit_not_paused(job, around),
        _reddit_available(around),
        _worker_alive(around),
    )


def _queued(job: Job, around: Surroundings) -> Condition:
    is_met = job.status is JobStatus.QUEUED
    return Condition(
        "queued",
        is_met,
        job.status if job.wait_reason is None else f"{job.status} ({job.wait_reason})",
        "Only a queued job is claimed.",
        job.waits_until if job.status is JobStatus.WAITING else None,
        None if is_met else _to_queue(job, around),
    )


def _visible(job: Job, around: Surroundings) -> Condition:
    is_due = job.status is not JobStatus.WAITING or (
        job.not_before is not None and job.not_before <= around.now
    )
    return Condition(
        "visible",
        is_due,
        "no end is set" if job.not_before is None else job.not_before.isoformat(),
        "Not before its visible_at.",
        None if is_due else job.not_before,
        None if is_due else _to_queue(job, around),
    )


def _queue_not_paused(around: Surroundings) -> Condition:
    is_paused = around.paused
    return Condition(
        "queue_not_paused",
        not is_paused,
        _pause(is_paused, around.paused_until, around.paused_by, around.pause_reason),
        "Nothing is claimed while everything is paused.",
        around.paused_until if is_paused else None,
        remedies.resume(None, around.paused_by) if is_paused else None,
    )


def _subreddit_not_paused(job: Job, around: Surroundings) -> Condition:
    is_paused, by = around.subreddit_paused, around.subreddit_paused_by
    until = around.subreddit_paused_until
    return Condition(
        "subreddit_not_paused",
        not is_paused,
        _pause(is_paused, until, by, around.subreddit_pause_reason),
        "Nothing of a paused subreddit is claimed.",
        until if is_paused else None,
        remedies.resume(job.subreddit, by) if is_paused else None,
    )


def _reddit_available(around: Surroundings) -> Condition:
    return Condition(
        "reddit_available",
        around.reddit_until is None,
        _reddit(around),
        "While Reddit is down, throttles us or refuses the client, crawls wait.",
        around.reddit_until,
        None if around.reddit_until is None else remedies.of_reddit(around.reddit_reason),
    )


def _worker_alive(around: Surroundings) -> Condition:
    is_alive = around.workers_alive > 0
    return Condition(
        "worker_alive",
        is_alive,
        str(around.workers_alive),
        "Some crawler-worker must have been seen lately.",
        None,
        None if is_alive else remedies.START_A_WORKER,
    )


def _to_queue(job: Job, around: Surroundings) -> Remedy | None:
    return remedies.to_queue(job, is_reddit_paused=around.reddit_until is not None)


def _reddit(around: Surroundings) -> str:
    if around.reddit_until is None:
        return "available"
    until = around.reddit_until.isoformat()
    if around.reddit_reason is None:
        return f"{until}: {ANSWERED_429}"
    detail = f" ({around.reddit_detail})" if around.reddit_detail else ""
    return f"{until}: {around.reddit_reason}{detail}"


def _pause(paused: bool, until: datetime | None, by: str | None, reason: str) -> str:
    if not paused:
        return "not paused"
    end = "" if until is None else f" until {until.isoformat()}"
    return f"paused{end}" + (f' by "{by}"' if by else "") + (f": {reason}" if reason else "")
