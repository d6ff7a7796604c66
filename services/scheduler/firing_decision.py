"""Decide whether a due schedule fires, and disable a schedule whose data stop it from firing."""

from __future__ import annotations

from crawljobs import errors
from crawljobs.db.database import Connection
from crawljobs.domain import schedule as rules
from crawljobs.domain import subreddit as subreddits
from crawljobs.domain.schedule import Firing
from crawljobs.repository.schedules.due_schedules import DueSchedule
from scheduler import broken_schedules
from scheduler.firing_results import Disabled, Stuck


def decide(conn: Connection, due: DueSchedule) -> Firing | Disabled | Stuck:
    """Return the decision for the locked schedule. Disables a schedule with invalid data."""
    try:
        return _decide(due)
    except errors.InvalidCron as error:
        reason = f"{error.field}: {error}"
    except errors.InvalidSubredditName as error:
        reason = f"subreddit: {error if due.schedule.subreddit else 'the subreddit is gone'}"
    except ArithmeticError as error:  # the due time is beyond the range of datetime
        reason = type(error).__name__
    return broken_schedules.disable(conn, due, broken_schedules.due_run(due), reason)


def _decide(due: DueSchedule) -> Firing:
    schedule = due.schedule
    if schedule.steps is None:
        subreddits.checked_name(schedule.subreddit or "")
    return rules.when_due(
        schedule.due_times(),
        due_at=schedule.due_at(),
        now=due.now,
        deadline=schedule.deadline(),
    )
