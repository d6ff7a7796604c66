"""The result of a due schedule: fired, disabled, or stuck."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from crawljobs.domain.job import Enqueued
from crawljobs.domain.schedule import Firing, RunOutcome, Schedule


@dataclass(frozen=True)
class Fired:
    """The result of a due schedule that was processed without an error.

    - `outcome`: None if the ledger already had the due time.
    - `missed`: the number of due times that this firing recorded as missed.
    - `group_id`: the created group of a schedule with steps, which enqueues no job.
    """

    schedule: Schedule
    firing: Firing
    outcome: RunOutcome | None
    enqueued: Enqueued | None
    late: timedelta
    missed: int
    group_id: int | None = None

    @property
    def job_id(self) -> int | None:
        return None if self.enqueued is None else self.enqueued.job_id

    @property
    def has_fired(self) -> bool:
        """Return whether the due time led to a job or a group."""
        return self.enqueued is not None or self.group_id is not None


@dataclass(frozen=True)
class Disabled:
    """A schedule that cannot fire and was disabled, with the reason."""

    schedule: Schedule
    reason: str
    missed: int


@dataclass(frozen=True)
class Stuck:
    """A due schedule that can neither fire nor be disabled. The database refuses both changes."""

    schedule: Schedule
    reason: str
