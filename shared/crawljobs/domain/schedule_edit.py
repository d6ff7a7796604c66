"""The effect of an edit on the due times of a schedule.

An edit does not fire a schedule. If the edit changes the timing, a due time that has passed without
a firing never fires, and the ledger records it as missed. One exception: a new spread may move this
due time into the future.
"""

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
    """The edited schedule and its next due time.

    `given_up` are due times that had passed without a firing, and will never fire because of the
    edit. The ledger records them as missed.
    """

    spec: ScheduleSpec
    anchor: datetime
    next_run_at: datetime | None
    runs_per_day: float | None  # None: the cron expression was not parsed
    mends: bool = False  # true: the timing is new and valid, so `disabled_reason` is deleted
    given_up: tuple[Ticks, ...] = ()


def first(spec: ScheduleSpec, *, schedule_id: int, now: datetime) -> Edit:
    """Return a new schedule. Its first due time is later than `now`. Raises InvalidCron."""
    times = schedules.due_times(spec, schedule_id=schedule_id, anchor=now)
    return Edit(
        spec=replace(spec, cron_expression=times.cron.expression),
        anchor=now,
        next_run_at=times.next_after(now) if spec.enabled else None,
        runs_per_day=tick_count.per_day(times.cron),
    )


def edited(before: Schedule, spec: ScheduleSpec, *, now: datetime) -> Edit:
    """Return a changed schedule, with the next due time of its new timing. Raises InvalidCron.

    A tick may be due that has not fired:

    - If the timing stays the same, the tick stays due.
    - If the timing changes, the tick never fires, unless a new spread moves it into the future.

    A schedule with an invalid expression can still be disabled.
    """
    changed = {name for name in _TIMING if getattr(spec, name) != getattr(before, name)}
    if not spec.enabled and changed <= {"enabled"}:
        return Edit(spec, before.anchor_at, None, None, given_up=overdue(before, now))
    anchor = now if "cron_expression" in changed else before.anchor_at
    times = schedules.due_times(spec, schedule_id=before.id, anchor=anchor)
    spec = replace(spec, cron_expression=times.cron.expression)
    if _same_text(spec.cron_expression, before.cron_expression):
        spec = replace(spec, cron_expression=before.cron_expression)
        changed.discard("cron_expression")
        times = replace(times, anchor=before.anchor_at)
    next_run_at = before.next_run_at
    given_up = overdue(before, now) if changed else ()
    if changed:
        # A new spread means a new offset. A tick that has just fired must not be due again at the
        # new offset. So the next tick is the expression's first time after `now`, plus the offset.
        start = now + times.offset if "spread_seconds" in changed else now
        next_run_at = times.next_after(start) if spec.enabled else None
    waiting = _moved(before, spec, times) if changed == {"spread_seconds"} else None
    if waiting and next_run_at and waiting.due_at() < next_run_at:
        given_up = overdue(waiting, now)
        next_run_at = times.next_after(now) if given_up else waiting.due_at()
    return Edit(
        spec=spec,
        anchor=times.anchor,
        next_run_at=next_run_at,
        runs_per_day=tick_count.per_day(times.cron),
        mends=bool(changed),
        given_up=given_up,
    )


def _same_text(expression: str, kept: str) -> bool:
    """Return whether two cron expressions differ only in white space and case."""
    return expression.upper().split() == kept.upper().split()


def _moved(before: Schedule, spec: ScheduleSpec, times: DueTimes) -> Schedule | None:
    """Return the schedule with its next tick moved to the new offset. None: there is no tick."""
    if not before.enabled or before.next_run_at is None:
        return None
    old = due_times.offset_of(before.id, spread_seconds=before.spread_seconds)
    try:
        next_run_at = before.next_run_at - old + times.offset
    except OverflowError:  # `next_run_at` is an infinite time, which a manual UPDATE has written
        return None
    return replace(before, spread_seconds=spec.spread_seconds, next_run_at=next_run_at)


def overdue(before: Schedule, now: datetime) -> tuple[Ticks, ...]:
    """Return the ticks that are due at `now` and have not fired."""
    if not before.enabled or before.next_run_at is None or before.next_run_at > now:
        return ()
    try:
        due = schedules.when_due(
            before.due_times(), due_at=before.next_run_at, now=now, deadline=None
        )
    except errors.InvalidCron:
        return ()
    return (*due.missed, Ticks(due.due_at, due.due_at, 1))
