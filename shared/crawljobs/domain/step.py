"""A step of a group, and the upstreams for which the step waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from crawljobs.domain.group import RequiredOutcome, StepState, UpstreamFailure


@dataclass(frozen=True)
class StepWait:
    """A wait of a step. Exactly one of `key`, `job_id`, `group_id` and `after_all` is set.

    `state` is the state in which the upstream ended, or None while the wait is open.
    """

    key: str | None
    job_id: int | None
    group_id: int | None
    after_all: bool
    state: StepState | None
    reason: str | None
    ended_at: datetime | None


@dataclass(frozen=True)
class Step:
    """A row of the table group_steps with some of its waits. All times have the time zone UTC."""

    id: int
    group_id: int
    key: str
    subreddit: str
    priority: int
    max_retries: int
    visible_at: datetime | None
    on_upstream_failure: UpstreamFailure
    require_outcome: RequiredOutcome
    state: StepState
    reason: str | None
    changed_at: datetime
    job_id: int | None
    follows_rerun: bool
    waiting_for: int
    waits: Sequence[StepWait] = ()


class StepRelation(StrEnum):
    """The relation of a step to a job."""

    FOLLOWS = "follows"
    WAITS = "waits"
    LATER = "later"  # the step waits for a step that follows the job, or for that step's group


@dataclass(frozen=True)
class RelatedStep:
    """A step that follows a job or depends on it."""

    group_id: int
    key: str
    subreddit: str
    state: StepState
    relation: StepRelation
