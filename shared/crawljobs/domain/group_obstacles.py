"""The causes that hold up an open group, each with its remedy."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from crawljobs.domain.api_token import Scope
from crawljobs.domain.group import Group, StepState
from crawljobs.domain.remedies import Remedy


@dataclass(frozen=True)
class JobsOfGroup:
    """The number of a group's live jobs that have the same status and the same wait reason."""

    status: str
    wait_reason: str | None
    jobs: int


@dataclass(frozen=True)
class GroupObstacle:
    """A cause that holds up the group. `count` is the number of steps or jobs that wait."""

    code: str
    count: int
    text: str
    remedy: Remedy | None = None


def obstacles_of(
    group: Group, *, first_held: str | None, jobs: Sequence[JobsOfGroup]
) -> list[GroupObstacle]:
    """Return the causes. The causes that need an operator come first.

    For a finished group, the only possible cause is the failure of steps.

    `first_held` is the key of the first held step. `jobs` are the live jobs of enqueued steps.
    """
    counts = group.counts
    failed = counts.get(StepState.FAILED, 0)
    found = []
    if group.finished_at is None:
        found += _of_open_group(group, first_held)
        found += [_of_jobs(each) for each in jobs]
    if failed:
        remedy = _remedy(group, "retry-failed", "Retry the failed steps.")
        found.append(GroupObstacle("failed", failed, f"{_steps(failed)} failed.", remedy))
    return found


def _of_open_group(group: Group, first_held: str | None) -> list[GroupObstacle]:
    held, pending = (group.counts.get(s, 0) for s in (StepState.HELD, StepState.PENDING))
    enqueued = group.counts.get(StepState.ENQUEUED, 0)
    found = []
    if held:
        remedy = None if first_held is None else _proceed(group, first_held)
        wait = "waits" if held == 1 else "wait"
        text = f"{_steps(held)} {wait} for the decision of an operator."
        found.append(GroupObstacle("held", held, text, remedy))
    if group.paused_at is not None:
        remedy = _remedy(group, "resume", "Resume: start pending steps again.")
        text = f"The group is paused: {_steps(pending)} cannot start."
        found.append(GroupObstacle("paused", pending, text, remedy))
    if group.sealed_at is None and not (held or pending or enqueued):
        remedy = _remedy(group, "seal", "Seal the group: it accepts no further steps.")
        text = "All steps have ended. The group finishes when it is sealed."
        found.append(GroupObstacle("unsealed", 0, text, remedy))
    if pending and group.paused_at is None:
        wait = "waits" if pending == 1 else "wait"
        text = f"{_steps(pending)} {wait} for other steps, jobs or groups."
        found.append(GroupObstacle("pending", pending, text))
    return found


def _of_jobs(each: JobsOfGroup) -> GroupObstacle:
    jobs = "1 job is" if each.jobs == 1 else f"{each.jobs:,} jobs are"
    why = "" if each.wait_reason is None else f" ({each.wait_reason})"
    return GroupObstacle(f"jobs_{each.status}", each.jobs, f"{jobs} {each.status}{why}.")


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count:,} steps"


def _proceed(group: Group, key: str) -> Remedy:
    path = f"/api/admin/groups/{group.id}/steps/{quote(key, safe='')}/proceed"
    return Remedy(
        f"Let the step {key} proceed, or skip it.",
        "POST",
        path,
        {},
        Scope.JOBS,
        f"crawlctl groups proceed {group.id} {shlex.quote(key)}",
    )


def _remedy(group: Group, verb: str, text: str, body: dict[str, Any] | None = None) -> Remedy:
    path = f"/api/admin/groups/{group.id}/{verb}"
    line = f"crawlctl groups {verb} {group.id}"
    return Remedy(text, "POST", path, body or {}, Scope.JOBS, line)
