"""Facts about steps, groups and jobs that explain a step, and summaries of them for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from crawljobs.domain.explanation import DETAIL_SHOWN, Explanation
from crawljobs.domain.group import OPEN, GroupOutcome, StepState
from crawljobs.domain.job import FINAL, Job, JobStatus

DELETED = "deleted"  # the state of an upstream that does not exist any more
_ENDS = {
    StepState.FAILED: "It failed",
    StepState.CANCELLED: "It was cancelled",
    StepState.SKIPPED: "It was skipped",
}


class UpstreamKind(StrEnum):
    STEP = "step"
    JOB = "job"
    GROUP = "group"


@dataclass(frozen=True)
class StepFacts:
    """The facts about a step. `waiting_for` is the number of its open waits."""

    group_id: int
    key: str
    subreddit: str
    state: StepState
    reason: str | None
    job_id: int | None
    follows_rerun: bool
    waiting_for: int
    group_is_paused: bool
    has_worker: bool = True  # whether any worker is alive; without a worker, the step cannot start


@dataclass(frozen=True)
class GroupFacts:
    """The facts about a group.

    If a step waits for all other steps of its group, the group is shown as the upstream of this
    step. Then `asking` is the state of the step, and the summary of the group does not count this
    step.
    """

    group_id: int
    is_sealed: bool
    is_paused: bool
    outcome: GroupOutcome | None
    counts: Mapping[StepState, int]
    asking: StepState | None = None


@dataclass(frozen=True)
class JobFacts:
    """A job. `explanation` is None if the conditions for its claim were not read."""

    job: Job
    explanation: Explanation | None


@dataclass(frozen=True)
class DeletedFacts:
    """A step, job or group that was deleted or pruned."""

    kind: UpstreamKind
    id: int


Facts = StepFacts | GroupFacts | JobFacts | DeletedFacts


def asked_for_by(step: Facts | None, facts: Facts) -> Facts:
    """Return the facts of an upstream of `step`. For the step's own group, set `asking`."""
    if (
        isinstance(step, StepFacts)
        and isinstance(facts, GroupFacts)
        and step.group_id == facts.group_id
    ):
        return replace(facts, asking=step.state)
    return facts


def summary_of_step(step: StepFacts) -> str:
    """Return the state of the step and its direct cause, as sentences."""
    because = f": {step.reason.rstrip('.')}." if step.reason else "."
    if step.state in _ENDS:
        return f"{_ENDS[step.state]}{because}"
    if step.state is StepState.SUCCEEDED:
        return "It succeeded."
    if step.state is StepState.HELD:
        paused = " Its group is paused." if step.group_is_paused else ""
        return f"It is held{because} An operator must let it proceed or skip it.{paused}"
    if step.state is StepState.ENQUEUED:
        if step.follows_rerun:
            return (
                f"Job {step.job_id} of its subreddit was being crawled when it started. It follows "
                "the follow-up of that job."
            )
        return f"It follows job {step.job_id}."
    if step.waiting_for:
        noun = "upstream" if step.waiting_for == 1 else "upstreams"
        paused = ", and for the end of the pause of its group" if step.group_is_paused else ""
        return f"It waits for {step.waiting_for} {noun}{paused}."
    if step.group_is_paused:
        return "It does not start, because its group is paused."
    if not step.has_worker:
        return "It waits for a crawler-worker, which starts it: none was seen lately."
    return "It waits for no upstream. A worker starts it within seconds."


def state_of_group(group: GroupFacts) -> str:
    """Return `open`, `paused` or the outcome of the group."""
    if group.outcome is not None:
        return group.outcome.value
    return "paused" if group.is_paused else "open"


def summary_of_group(group: GroupFacts) -> str:
    """Return the state of the group and the reason why it is open, as sentences."""
    if group.outcome is not None:
        return f"It finished as {group.outcome}."
    still = sum(group.counts.get(state, 0) for state in OPEN)
    held = group.counts.get(StepState.HELD, 0)
    other = ""
    if group.asking is not None:
        other = "other "
        still -= group.asking in OPEN
        held -= group.asking is StepState.HELD
    sentences = [f"It has {still} {other}open {'step' if still == 1 else 'steps'}."]
    if held:
        verb = "waits" if held == 1 else "wait"
        sentences.append(f"{held} of them {verb} for the decision of an operator.")
    if group.is_paused:
        sentences.append("It is paused, so no pending step starts.")
    if not group.is_sealed:
        sentences.append("It is not sealed, so it cannot finish.")
    return " ".join(sentences)


def summary_of_job(facts: JobFacts) -> str:
    """Return the state of the job and the cause of its wait, as sentences."""
    job = facts.job
    if job.status is JobStatus.FAILED and job.error_message:
        return f"It failed for good: {job.error_message[:DETAIL_SHOWN].rstrip('.')}."
    if job.status in FINAL:
        outcome = f" ({job.outcome})" if job.outcome else ""
        return f"It ended as {job.status}{outcome}."
    if facts.explanation is not None:
        return facts.explanation.summary
    return f"It is {job.status}."
