"""Read one group, lock it, and describe its progress."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, func, select, union_all

from crawljobs.db.tables import crawl_jobs, group_steps, job_groups
from crawljobs.domain import group_forecast
from crawljobs.domain.group import Group, GroupOutcome, StepState
from crawljobs.domain.group_forecast import GroupForecast
from crawljobs.domain.operation import Operation
from crawljobs.repository.groups import request_use
from crawljobs.repository.operations import operation_rows
from crawljobs.repository.sql import NOW, ONE_ROW, inline, inline_number, row_version

RESOURCE = "job_group"  # the kind of resource in operations and in the audit log
_FROM_OTHER_COLUMNS = ("counts", "version")
COLUMNS: tuple[ColumnElement[Any], ...] = (
    *(job_groups.c[name] for name in Group.__dataclass_fields__ if name not in _FROM_OTHER_COLUMNS),
    *(job_groups.c[state.value] for state in StepState),
    row_version(job_groups),
)
_GET = select(*COLUMNS).where(job_groups.c.id == bindparam("id"))
_LOCK = _GET.with_for_update()

_step = group_steps.c


def _first_steps(states: tuple[StepState, ...], *columns: ColumnElement[Any]) -> Any:
    """Return a query that finds, for each of these states, the group's first step in that state."""
    return union_all(
        *(
            select(inline_number(place).label("place"), *columns)
            .where(_step.group_id == bindparam("id"), _step.state == inline(state))
            .order_by(_step.id)
            .limit(ONE_ROW)
            for place, state in enumerate(states)
        )
    )


# The search for a group's first failure uses this order of states. So it finds a failed step, and
# not a step that was skipped because of the failed step.
_BAD = (StepState.FAILED, StepState.CANCELLED, StepState.HELD, StepState.SKIPPED)
_first_bad = _first_steps(_BAD, _step.key, _step.state, _step.reason, _step.job_id).subquery("bad")
_FIRST_FAILURE = (
    select(_first_bad.c.key, _first_bad.c.state, _first_bad.c.reason, _first_bad.c.job_id)
    .order_by(_first_bad.c.place)
    .limit(ONE_ROW)
)

# States of steps that have a job. The resolver enqueues ready steps in the order of their ids. So
# the job of the first of these steps is the first job of the group.
_WITH_JOB = (StepState.ENQUEUED, StepState.SUCCEEDED, StepState.FAILED, StepState.CANCELLED)
_first_started = _first_steps(_WITH_JOB, _step.job_id).subquery("started")
_STARTED_AT = (
    select(
        func.min(func.greatest(crawl_jobs.c.created_at, job_groups.c.created_at)).label("time"),
        NOW.label("now"),
    )
    .select_from(
        job_groups.join(_first_started, _first_started.c.place >= inline_number(0)).join(
            crawl_jobs, crawl_jobs.c.id == _first_started.c.job_id
        )
    )
    .where(job_groups.c.id == bindparam("id"))
)


@dataclass(frozen=True)
class FirstFailure:
    """In a group, the first step that did not succeed or that waits for an operator's decision."""

    key: str
    state: StepState
    reason: str | None
    job_id: int | None


@dataclass(frozen=True)
class GroupOverview(Group):
    """A group, with the time when its first job started, and with its first unsuccessful step.

    - `requests`: the used and expected requests to Reddit. They are computed from a sample if the
      group has more than request_use.STEPS_MAX steps.
    - `operation`: the unfinished change of the group, or None.
    """

    started_at: datetime | None
    first_failure: FirstFailure | None
    requests: GroupForecast
    operation: Operation | None


def get_group(conn: Connection, *, group_id: int) -> Group | None:
    """Return the group, or None if it does not exist."""
    row = conn.execute(_GET, {"id": group_id}).first()
    return None if row is None else to_group(row)


def lock_group(conn: Connection, *, group_id: int) -> Group | None:
    """Lock the group until the transaction ends. Returns it, or None if it does not exist."""
    row = conn.execute(_LOCK, {"id": group_id}).first()
    return None if row is None else to_group(row)


def overview(conn: Connection, group: Group) -> GroupOverview:
    """Return the group with the additional fields of GroupOverview.

    `started_at` is None while no step has a job, and after the first jobs were pruned.
    """
    failure = conn.execute(_FIRST_FAILURE, {"id": group.id}).first()
    started = conn.execute(_STARTED_AT, {"id": group.id, "now": None}).one()
    return GroupOverview(
        **vars(group),
        started_at=started.time,
        first_failure=None
        if failure is None
        else FirstFailure(failure.key, StepState(failure.state), failure.reason, failure.job_id),
        requests=group_forecast.forecast(
            request_use.of_group(conn, group_id=group.id, steps=group.steps),
            steps_in_group=group.steps,
            started_at=started.time,
            until=group.finished_at or started.now,
            is_running=group.finished_at is None and group.paused_at is None,
        ),
        operation=operation_rows.open_of(conn, resource_type=RESOURCE, resource_id=group.id),
    )


def to_group(row: Any) -> Group:
    """Return the group from a row that has at least the columns in COLUMNS."""
    values = row._mapping
    plain = {name: values[name] for name in Group.__dataclass_fields__ if name != "counts"}
    plain["outcome"] = None if row.outcome is None else GroupOutcome(row.outcome)
    return Group(**plain, counts={state: values[state.value] for state in StepState})
