"""Groups and their steps: states, policies, and the rules by which a step or a group ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from crawljobs.domain.job import FINAL as FINAL_JOBS
from crawljobs.domain.job import JobStatus

REASON_MAX = 500  # limit of a step's reason in characters; the reason may quote a job's error


class StepState(StrEnum):
    PENDING = "pending"
    ENQUEUED = "enqueued"  # the step has a live job; the end of the job decides the step's state
    HELD = "held"  # an upstream did not succeed; an operator must let the step proceed or skip it
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"  # the step never ran


OPEN = frozenset({StepState.PENDING, StepState.ENQUEUED, StepState.HELD})
FINAL = frozenset(StepState) - OPEN

# Maps each state of a step to the states that can come next.
STEP_TRANSITIONS: Mapping[StepState, frozenset[StepState]] = {
    StepState.PENDING: frozenset(
        {StepState.ENQUEUED, StepState.HELD, StepState.SKIPPED, StepState.CANCELLED}
    ),
    StepState.ENQUEUED: frozenset({StepState.SUCCEEDED, StepState.FAILED, StepState.CANCELLED}),
    StepState.HELD: frozenset({StepState.PENDING, StepState.SKIPPED, StepState.CANCELLED}),
    # A final step opens again after a retry of its job or of the group.
    StepState.SUCCEEDED: frozenset({StepState.ENQUEUED}),
    StepState.FAILED: frozenset({StepState.ENQUEUED, StepState.PENDING}),
    StepState.CANCELLED: frozenset({StepState.ENQUEUED}),
    StepState.SKIPPED: frozenset({StepState.PENDING}),
}


class GroupOutcome(StrEnum):
    SUCCEEDED = "succeeded"
    PARTLY = "partly"
    FAILED = "failed"
    CANCELLED = "cancelled"


class UpstreamFailure(StrEnum):
    """What happens to a step if an upstream for which the step waited did not succeed."""

    CANCEL = "cancel"  # the step is skipped
    PROCEED = "proceed"
    HOLD = "hold"


class RequiredOutcome(StrEnum):
    """The outcome that the job of a step needs, so that the step succeeds."""

    ANY = "any"
    CRAWLED = "crawled"
    COMPLETE = "complete"  # crawled, and no part of the crawl is missing


@dataclass(frozen=True)
class JobState:
    """The state of a job that a step follows or waits for. `status` is None for a deleted job."""

    job_id: int
    status: JobStatus | None
    outcome: str | None = None
    incomplete: bool = False
    error: str | None = None
    cancelled_by: str | None = None


@dataclass(frozen=True)
class StepEnd:
    """How a step or an upstream ended. Each end except `succeeded` has a reason."""

    state: StepState
    reason: str | None = None


def end_of_job(job: JobState) -> StepEnd | None:
    """Return how the waits for a job end, or None while the job is live."""
    if job.status is None:
        return StepEnd(StepState.CANCELLED, f"job {job.job_id} was deleted")
    if job.status not in FINAL_JOBS:
        return None
    if job.status is JobStatus.SUCCEEDED:
        return StepEnd(StepState.SUCCEEDED)
    if job.status is JobStatus.CANCELLED:
        by = f" by {job.cancelled_by}" if job.cancelled_by else ""
        return StepEnd(StepState.CANCELLED, f"job {job.job_id} was cancelled{by}")
    because = f": {job.error}" if job.error else ""
    return StepEnd(StepState.FAILED, f"job {job.job_id} failed{because}"[:REASON_MAX])


def end_of_step(job: JobState, required: RequiredOutcome) -> StepEnd | None:
    """Return how the step that follows this job ends, or None while the job is live."""
    end = end_of_job(job)
    if end is None or end.state is not StepState.SUCCEEDED or required is RequiredOutcome.ANY:
        return end
    if job.outcome != "crawled":
        return StepEnd(
            StepState.FAILED, f"job {job.job_id} ended as {job.outcome}; the step needs {required}"
        )
    if required is RequiredOutcome.COMPLETE and job.incomplete:
        return StepEnd(
            StepState.FAILED, f"the crawl of job {job.job_id} is incomplete; the step needs all"
        )
    return end


def end_of_upstream_group(
    group_id: int, outcome: str | None, *, is_deleted: bool = False
) -> StepEnd | None:
    """Return how the waits for a group end, or None until the group finishes."""
    if is_deleted:
        return StepEnd(StepState.CANCELLED, f"group {group_id} was deleted")
    if outcome is None:
        return None
    if outcome == GroupOutcome.SUCCEEDED:
        return StepEnd(StepState.SUCCEEDED)
    state = StepState.CANCELLED if outcome == GroupOutcome.CANCELLED else StepState.FAILED
    return StepEnd(state, f"group {group_id} ended as {outcome}")


_ENDED = {
    StepState.FAILED: "failed",
    StepState.CANCELLED: "was cancelled",
    StepState.SKIPPED: "was skipped",
}


def end_of_upstream_step(key: str, state: StepState, reason: str | None) -> StepEnd | None:
    """Return how the waits for a step end, or None while the step is open."""
    if state in OPEN:
        return None
    if state is StepState.SUCCEEDED:
        return StepEnd(state)
    # A skipped step's reason names the first step that did not succeed. Keep this reason unchanged.
    if state is StepState.SKIPPED and reason:
        return StepEnd(state, reason)
    because = f": {reason}" if reason else ""
    return StepEnd(state, f"step {key} {_ENDED[state]}{because}"[:REASON_MAX])


def decide(
    policy: UpstreamFailure, failed_upstream: str | None, *, proceeds: bool
) -> StepEnd | None:
    """Return the next state of a pending step whose waits have all ended. None: enqueue the step.

    `failed_upstream` describes an upstream that did not succeed. `proceeds` is true if an operator
    let the step proceed.
    """
    if failed_upstream is None or proceeds or policy is UpstreamFailure.PROCEED:
        return None
    if policy is UpstreamFailure.HOLD:
        return StepEnd(StepState.HELD, failed_upstream)
    return StepEnd(StepState.SKIPPED, failed_upstream)


def outcome_of_group(counts: Mapping[StepState, int], *, cancelled: bool) -> GroupOutcome:
    """Return the outcome of a group without open steps. `cancelled`: an operator cancelled it."""
    succeeded = counts.get(StepState.SUCCEEDED, 0)
    others = sum(counts.get(state, 0) for state in FINAL) - succeeded
    if not others:
        return GroupOutcome.SUCCEEDED
    if cancelled:
        return GroupOutcome.CANCELLED
    if succeeded:
        return GroupOutcome.PARTLY
    if counts.get(StepState.CANCELLED, 0) and not counts.get(StepState.FAILED, 0):
        return GroupOutcome.CANCELLED
    return GroupOutcome.FAILED


@dataclass(frozen=True)
class Group:
    """A row of the table job_groups. All times have the time zone UTC."""

    id: int
    name: str | None
    created_at: datetime
    created_by: str
    sealed_at: datetime | None
    paused_at: datetime | None
    cancelled_at: datetime | None
    cancelled_by: str | None
    generation: int
    finished_at: datetime | None
    outcome: GroupOutcome | None
    counts: Mapping[StepState, int]
    scheduled_job_id: int | None
    due_at: datetime | None
    version: int

    @property
    def steps(self) -> int:
        return sum(self.counts.values())
