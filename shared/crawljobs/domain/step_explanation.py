"""Explain the state of a step by its upstreams, down to the root causes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from crawljobs.domain.explanation import DETAIL_SHOWN, Explanation
from crawljobs.domain.group import OPEN, GroupOutcome, StepState
from crawljobs.domain.job import FINAL, Job, JobStatus

DELETED = "deleted"  # the state of an upstream that exists no more
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
    """A step as an explanation needs it. `waiting_for` is the number of its open waits."""

    group_id: int
    key: str
    subreddit: str
    state: StepState
    reason: str | None
    job_id: int | None
    follows_rerun: bool
    waiting_for: int
    group_is_paused: bool


@dataclass(frozen=True)
class GroupFacts:
    """A group as an explanation needs it."""

    group_id: int
    is_sealed: bool
    is_paused: bool
    outcome: GroupOutcome | None
    counts: Mapping[StepState, int]


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


@dataclass(frozen=True)
class Upstream:
    """One upstream in an explanation.

    `waited_for_by` is the number of the item that waits for this one; 0 is the explained step.
    `is_root` is true if this upstream itself waits for no further upstream.
    """

    number: int
    waited_for_by: int
    depth: int
    is_root: bool
    kind: UpstreamKind
    state: str
    summary: str
    group_id: int | None = None
    key: str | None = None
    job_id: int | None = None
    subreddit: str | None = None
    explanation: Explanation | None = None


@dataclass(frozen=True)
class StepExplanation:
    """The explained step with its upstreams, the nearest first. `complete`: all are shown."""

    group_id: int
    key: str
    state: StepState
    summary: str
    upstreams: Sequence[Upstream]
    complete: bool


def explain(step: StepFacts, upstreams: Sequence[Upstream], *, complete: bool) -> StepExplanation:
    """Return the explanation.

    The summary of a step that waits names a held upstream or a root cause. Other steps have a
    reason that names the cause.
    """
    summary = summary_of_step(step)
    causes = [each for each in upstreams if each.state == StepState.HELD]
    causes = causes or [each for each in upstreams if each.is_root]
    if causes and step.state in (StepState.PENDING, StepState.ENQUEUED):
        others = len(causes) - 1
        also = f" ({others} further {'cause' if others == 1 else 'causes'})" if others else ""
        summary = f"{summary} Cause{also}: {_name(causes[0])}: {causes[0].summary}"
    return StepExplanation(step.group_id, step.key, step.state, summary, upstreams, complete)


def upstream(
    facts: Facts, *, number: int, waited_for_by: int, depth: int, is_root: bool
) -> Upstream:
    """Return the item of an explanation for this step, group or job."""
    place = {"number": number, "waited_for_by": waited_for_by, "depth": depth, "is_root": is_root}
    if isinstance(facts, StepFacts):
        return Upstream(
            kind=UpstreamKind.STEP,
            state=facts.state.value,
            summary=summary_of_step(facts),
            group_id=facts.group_id,
            key=facts.key,
            job_id=facts.job_id,
            subreddit=facts.subreddit,
            **place,
        )
    if isinstance(facts, GroupFacts):
        return Upstream(
            kind=UpstreamKind.GROUP,
            state=state_of_group(facts),
            summary=summary_of_group(facts),
            group_id=facts.group_id,
            **place,
        )
    if isinstance(facts, JobFacts):
        return Upstream(
            kind=UpstreamKind.JOB,
            state=facts.job.status.value,
            summary=summary_of_job(facts),
            job_id=facts.job.id,
            subreddit=facts.job.subreddit,
            explanation=facts.explanation,
            **place,
        )
    return Upstream(
        kind=facts.kind,
        state=DELETED,
        summary="It was deleted.",
        group_id=facts.id if facts.kind is UpstreamKind.GROUP else None,
        job_id=facts.id if facts.kind is UpstreamKind.JOB else None,
        **place,
    )


def _name(each: Upstream) -> str:
    if each.kind is UpstreamKind.JOB:
        of = f" of r/{each.subreddit}" if each.subreddit else ""
        return f"job {each.job_id}{of}"
    if each.kind is UpstreamKind.STEP:
        return f"step {each.key} of group {each.group_id}" if each.key else "a step"
    return f"group {each.group_id}"


def summary_of_step(step: StepFacts) -> str:
    """Return the state of the step and its direct cause, as sentences."""
    because = f": {step.reason}." if step.reason else "."
    if step.state in _ENDS:
        return f"{_ENDS[step.state]}{because}"
    if step.state is StepState.SUCCEEDED:
        return "It succeeded."
    if step.state is StepState.HELD:
        return f"It is held{because} An operator must let it proceed or skip it."
    if step.state is StepState.ENQUEUED:
        if step.follows_rerun:
            return (
                f"Job {step.job_id} of its subreddit was being crawled when it started. It follows "
                "the follow-up of that job."
            )
        return f"It follows job {step.job_id}."
    if step.waiting_for:
        noun = "upstream" if step.waiting_for == 1 else "upstreams"
        return f"It waits for {step.waiting_for} {noun}."
    if step.group_is_paused:
        return "It does not start, because its group is paused."
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
    sentences = [f"It has {still} open {'step' if still == 1 else 'steps'}."]
    if held:
        sentences.append(f"{held} of them wait for the decision of an operator.")
    if group.is_paused:
        sentences.append("It is paused, so no pending step starts.")
    if not group.is_sealed:
        sentences.append("It is not sealed, so it cannot finish.")
    return " ".join(sentences)


def summary_of_job(facts: JobFacts) -> str:
    """Return the state of the job and the cause of its wait, as sentences."""
    job = facts.job
    if job.status is JobStatus.FAILED and job.error_message:
        return f"It failed for good: {job.error_message[:DETAIL_SHOWN]}."
    if job.status in FINAL:
        outcome = f" ({job.outcome})" if job.outcome else ""
        return f"It ended as {job.status}{outcome}."
    if facts.explanation is not None:
        return facts.explanation.summary
    return f"It is {job.status}."
