"""What an edit does to the due times of a schedule: it never fires one, and never loses one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from crawljobs import errors
from crawljobs.domain import due_times, tick_count
from crawljobs.domain import schedule as schedules
from crawljobs.domain.due_times import DueTimes
from crawljobs.domain.schedule import Schedule, ScheduleSpec, Ticks

_TIMING = ("cron_expression", "timezone", "spread_seconds", "enabled")


@dataclass(frozen=True)
class Edit:
    """The order as it is to be kept, and when it is due; `given_up` goes into the ledger."""

    order: ScheduleSpec
    anchor: datetime
    next_run_at: datetime | None
    runs_per_day: float | None  # None: the expression was not looked at
    mends: bool = False  # whatever disabled it, this timing was found good since
    given_up: tuple[Ticks, ...] = ()


def first(order: ScheduleSpec, *, schedule_id: int, now: datetime) -> Edit:
    """A new schedule is due at its next time, not now. Raises InvalidCron."""
    times = schedules.due_times(order, schedule_id=schedule_id, anchor=now)
    return Edit(
        order=replace(order, cron_expression=times.cron.expression),
        anchor=now,
        next_run_at=times.next_after(now) if order.enabled else None,
        runs_per_day=tick_count.per_day(times.cron),
    )


def edited(before: Schedule, order: ScheduleSpec, *, now: datetime) -> Edit:
    """Due again at the next time of what is wanted now. Raises InvalidCron.

    What was due and not fired stays due while the timing stays; else it is given up. A schedule
    whose expression cannot be understood may still be disabled.
    """
    changed = {name for name in _TIMING if getattr(order, name) != getattr(before, name)}
    if not order.enabled and changed <= {"enabled"}:
        return Edit(order, before.anchor_at, None, None, given_up=overdue(before, now))
    anchor = now if "cron_expression" in changed else before.anchor_at
    times = schedules.due_times(order, schedule_id=before.id, anchor=anchor)
    order = replace(order, cron_expression=times.cron.expression)
    if _same_text(order.cron_expression, before.cron_expression):
        order = replace(order, cron_expression=before.cron_expression)
        changed.discard("cron_expression")
        times = replace(times, anchor=before.anchor_at)
    next_run_at = before.next_run_at
    given_up = overdue(before, now) if changed else ()
    if changed:
        # With another spread the time that just fired would come again, at its new place.
        start = now + times.offset if "spread_seconds" in changed else now
        next_run_at = times.next_after(start) if order.enabled else None
    waiting = _moved(before, order, times) if changed == {"spread_seconds"} else None
    if waiting and next_run_at and waiting.due_at() < next_run_at:
        given_up = overdue(waiting, now)
        next_run_at = times.next_after(now) if given_up else waiting.due_at()
    return Edit(
        order=order,
        anchor=times.anchor,
        next_run_at=next_run_at,
        runs_per_day=tick_count.per_day(times.cron),
        mends=bool(changed),
        given_up=given_up,
    )


def _same_text(expression: str, kept: str) -> bool:
    """Whether two expressions differ at most in white space and in upper and lower case."""
    return expression.upper().split() == kept.upper().split()


def _moved(before: Schedule, order: ScheduleSpec, times: DueTimes) -> Schedule | None:
    """The schedule waiting at its place in another spread; None when it does not wait."""
    if not before.enabled or before.next_run_at is None:
        return None
    old = due_times.offset_of(before.id, spread_seconds=before.spread_seconds)
    try:
        next_run_at = before.next_run_at - old + times.offset
    except OverflowError:  # an infinite time, written by hand
        return None
    return replace(before, spread_seconds=order.spread_seconds, next_run_at=next_run_at)


def overdue(before: Schedule, now: datetime) -> tuple[Ticks, ...]:
    """What was due by now, which nobody fires any more if it is not fired now."""
    if not before.enabled or before.next_run_at is None or before.next_run_at > now:
        return ()
    try:
        due = schedules.when_due(
            before.due_times(), due_at=before.next_run_at, now=now, deadline=None
        )
    except errors.InvalidCron:
        return ()
    return (*due.missed, Ticks(due.due_at, due.due_at, 1))
