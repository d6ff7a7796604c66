"""The remedies of obstacles: the request that removes an obstacle, and its crawlctl line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crawljobs.domain.api_token import Scope
from crawljobs.domain.budget_state import REMEDIES
from crawljobs.domain.job import FINAL, PRIORITY_MAX, Job, JobStatus, WaitReason
from crawljobs.domain.request_budget import PausedReason

_JOBS = "/api/admin/jobs"
_RESUME = "/api/admin/queue/resume"
BOOST = 20  # points of priority


@dataclass(frozen=True)
class Remedy:
    """How an operator removes an obstacle.

    The operator sends a request with `method`, `path` and `body`. The request needs the scope
    `scope`. All these fields are None if no request of the API removes the obstacle. Then only
    `text` describes what helps.
    """

    text: str
    method: str | None = None
    path: str | None = None
    body: dict[str, Any] | None = None
    scope: Scope | None = None
    crawlctl: str | None = None


START_A_WORKER = Remedy("Start a crawler-worker: no worker has sent a heartbeat for a minute.")


def to_queue(job: Job, *, is_reddit_paused: bool) -> Remedy | None:
    """Return how an operator queues the job, or None if the job would wait again at its claim."""
    if job.status in FINAL:
        return _change(job, "retry", "Retry the job: it is queued again.")
    if job.status is not JobStatus.WAITING:
        return None
    waits_for_reddit = job.wait_reason in (WaitReason.OUTAGE, WaitReason.RATE_LIMIT)
    if job.wait_reason is WaitReason.PAUSED or (waits_for_reddit and is_reddit_paused):
        return None
    return _change(job, "wake", "Wake the job: it is queued at once.")


def boost(job: Job) -> Remedy | None:
    """Return how an operator moves a queued job forward; None if its priority is the highest."""
    points = min(BOOST, PRIORITY_MAX - (job.priority or 0))
    if points <= 0:
        return None
    return Remedy(
        f"Boost the job: its priority rises by {points}.",
        "POST",
        f"{_JOBS}/{job.id}/boost",
        {"boost": points},
        Scope.JOBS,
        f"crawlctl jobs boost {job.id} --by {points}",
    )


def resume(subreddit: str | None, paused_by: str | None) -> Remedy:
    """Return how an operator ends the pause of `subreddit`. None: the pause of the whole queue."""
    of = "the whole queue" if subreddit is None else f"r/{subreddit}"
    by = f', which "{paused_by}" set' if paused_by else ""
    line = "crawlctl queue resume"
    return Remedy(
        f"Resume: end the pause of {of}{by}.",
        "POST",
        _RESUME,
        {} if subreddit is None else {"subreddit": subreddit},
        Scope.JOBS,
        line if subreddit is None else f"{line} --subreddit {subreddit}",
    )


def of_reddit(reason: str | None) -> Remedy:
    """Return how a pause of all workers ends. If `reason` is None, Reddit answered 429."""
    try:
        paused = PausedReason.RATE_LIMIT if reason is None else PausedReason(reason)
    except ValueError:  # a later release stored another reason
        paused = PausedReason.OUTAGE
    text = REMEDIES[paused]
    return Remedy(f"{text[0].upper()}{text[1:]}.")


def _change(job: Job, verb: str, text: str) -> Remedy:
    return Remedy(
        text, "POST", f"{_JOBS}/{job.id}/{verb}", None, Scope.JOBS, f"crawlctl jobs {verb} {job.id}"
    )
