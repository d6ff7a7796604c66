"""The group that a run of a schedule with steps creates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from crawljobs import errors
from crawljobs.domain import scheduled_step
from crawljobs.domain.group_plan import StepRequest
from crawljobs.domain.schedule import Schedule

NAME_MAX = 200  # limit of the name of a group in characters


@dataclass(frozen=True)
class ScheduleGroup:
    """A group that a schedule creates: its name, its steps, and the subreddit id of each step."""

    name: str
    steps: Sequence[StepRequest]
    subreddit_ids: dict[str, int]


class UnreadableSteps(errors.CrawljobsError):
    """The stored steps of the schedule are not in the form of domain/scheduled_step.py."""


def group_of(schedule: Schedule, *, due_at: datetime, default_max_retries: int) -> ScheduleGroup:
    """Return the group of the schedule for a due time. Raises UnreadableSteps.

    `default_max_retries` applies if neither the step nor the schedule has a value.
    """
    if not schedule.steps:
        raise UnreadableSteps("the stored steps are unreadable; replace them")
    retries = default_max_retries if schedule.max_retries is None else schedule.max_retries
    return ScheduleGroup(
        name_of(schedule.name, due_at),
        [
            scheduled_step.to_request(step, priority=schedule.priority, max_retries=retries)
            for step in schedule.steps
        ],
        {step.key: step.subreddit_id for step in schedule.steps},
    )


def name_of(name: str, due_at: datetime) -> str:
    """Return the schedule's name and the due time in UTC. A long name is cut."""
    time = f" {due_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return name[: NAME_MAX - len(time)] + time
