"""Explain the state of a step by its upstreams, down to the root causes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from crawljobs.domain.explanation import Explanation
from crawljobs.domain.group import StepState
from crawljobs.domain.upstream_facts import (
    DELETED,
    Facts,
    GroupFacts,
    JobFacts,
    StepFacts,
    UpstreamKind,
    state_of_group,
    summary_of_group,
    summary_of_job,
    summary_of_step,
)


@dataclass(frozen=True)
class Upstream:
    """One upstream in an explanation.

    - `waited_for_by`: the `number` of the upstream that waits for this upstream. The explained step
      has the number 0.
    - `is_root`: this upstream waits for no other upstream.
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
    """A step and its upstreams, the nearest first. `complete` is true if no upstream is missing."""

    group_id: int
    key: str
    state: StepState
    summary: str
    upstreams: Sequence[Upstream]
    complete: bool


def explain(step: StepFacts, upstreams: Sequence[Upstream], *, complete: bool) -> StepExplanation:
    """Return the explanation.

    If the step waits, the summary names a held upstream or a root cause. Otherwise, the step's
    reason names the cause.
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
    """Return an explanation's entry for the step, group or job that `facts` describes."""
    place = partial(
        Upstream, number=number, waited_for_by=waited_for_by, depth=depth, is_root=is_root
    )
    if isinstance(facts, StepFacts):
        return place(
            kind=UpstreamKind.STEP,
            state=facts.state.value,
            summary=summary_of_step(facts),
            group_id=facts.group_id,
            key=facts.key,
            job_id=facts.job_id,
            subreddit=facts.subreddit,
        )
    if isinstance(facts, GroupFacts):
        return place(
            kind=UpstreamKind.GROUP,
            state=state_of_group(facts),
            summary=summary_of_group(facts),
            group_id=facts.group_id,
        )
    if isinstance(facts, JobFacts):
        return place(
            kind=UpstreamKind.JOB,
            state=facts.job.status.value,
            summary=summary_of_job(facts),
            job_id=facts.job.id,
            subreddit=facts.job.subreddit,
            explanation=facts.explanation,
        )
    return place(
        kind=facts.kind,
        state=DELETED,
        summary="It was deleted.",
        group_id=facts.id if facts.kind is UpstreamKind.GROUP else None,
        job_id=facts.id if facts.kind is UpstreamKind.JOB else None,
    )


def _name(each: Upstream) -> str:
    if each.kind is UpstreamKind.JOB:
        of = f" of r/{each.subreddit}" if each.subreddit else ""
        return f"job {each.job_id}{of}"
    if each.kind is UpstreamKind.STEP:
        return f"step {each.key} of group {each.group_id}" if each.key else "a step"
    return f"group {each.group_id}"
