"""Read the schedules that the scheduler disabled, because they cannot fire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from crawljobs.db.tables import scheduled_jobs
from crawljobs.repository.overview.attention_numbers import DISABLED_MAX
from crawljobs.repository.sql import inline_number

SHOWN = 10
REASON_MAX_CHARACTERS = 300

_schedule = scheduled_jobs.c
_disabled = (
    select(_schedule.id, _schedule.name, _schedule.disabled_reason)
    .where(~_schedule.enabled)
    .order_by(_schedule.id)
    .limit(inline_number(DISABLED_MAX))
    .subquery("disabled")
)
BROKEN = (
    select(
        _disabled.c.id,
        _disabled.c.name,
        func.left(_disabled.c.disabled_reason, inline_number(REASON_MAX_CHARACTERS)).label(
            "disabled_reason"
        ),
    )
    .where(_disabled.c.disabled_reason.is_not(None))
    .order_by(_disabled.c.id)
    .limit(inline_number(SHOWN))
)


@dataclass(frozen=True)
class BrokenSchedule:
    """A schedule that cannot fire. The reason is cut after REASON_MAX_CHARACTERS."""

    id: int
    name: str
    disabled_reason: str


def list_broken(conn: Connection) -> Sequence[BrokenSchedule]:
    """Return at most SHOWN broken schedules, the oldest first."""
    return [BrokenSchedule(**row._mapping) for row in conn.execute(BROKEN)]
