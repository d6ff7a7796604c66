"""The log line of each schedule that fired or was disabled."""

from __future__ import annotations

from crawljobs.runtime import logs
from scheduler.firing_results import Disabled, Fired

log = logs.get_logger(__name__)


def write(result: Fired | Disabled) -> None:
    schedule = result.schedule
    crawls = (
        {"subreddit": schedule.subreddit}
        if schedule.step_count is None
        else {"steps": schedule.step_count}
    )
    about = log.bind(schedule_id=schedule.id, schedule=schedule.name, **crawls)
    if isinstance(result, Disabled):
        about.error("schedule.disabled", reason=result.reason)
        return
    firing = result.firing
    about.info(
        "schedule.fired",
        due_at=firing.due_at.isoformat(),
        outcome=result.outcome or "already_recorded",
        **({"job_id": result.job_id} if schedule.steps is None else {"group_id": result.group_id}),
        missed=result.missed,
        next_run_at=firing.next_run_at.isoformat(),
    )
