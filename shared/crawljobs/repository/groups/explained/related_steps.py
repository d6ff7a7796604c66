"""Find the steps that follow a job, wait for it, or wait for steps that follow it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    any_,
    bindparam,
    func,
    select,
    true,
    union,
)

from crawljobs.db.tables import group_steps, step_waits, subreddits
from crawljobs.domain.group import StepState
from crawljobs.domain.step import RelatedStep, StepRelation
from crawljobs.repository.sql import ONE_ROW, array_of, inline_number

SHOWN_MAX = 20
COUNTED_MAX = 10_000  # for each relation to the job, at most this number of steps is counted

_step = group_steps.c
_followers = select(_step.id).where(_step.job_id == bindparam("job_id"))
_waiting = select(step_waits.c.step_id.label("id")).where(
    step_waits.c.upstream_job_id == bindparam("job_id")
)


def _followers_of(column: ColumnElement[int]) -> ColumnElement[Any]:
    first = (
        select(column).where(_step.job_id == bindparam("job_id")).limit(inline_number(SHOWN_MAX))
    )
    return any_(array_of(first))


def _open_waits(condition: ColumnElement[bool]) -> Select[Any]:
    waits = select(step_waits.c.step_id.label("id")).where(
        condition, step_waits.c.ended_at.is_(None)
    )
    return waits.order_by(step_waits.c.id).limit(inline_number(COUNTED_MAX))


# The followers are the steps that follow the job. The statement selects the steps that wait for one
# of the first SHOWN_MAX followers, or for the group of one of them.
_later_ids = union(
    _open_waits(step_waits.c.upstream_step_id == _followers_of(_step.id)),
    _open_waits(step_waits.c.upstream_group_id == _followers_of(_step.group_id)),
).subquery("later_ids")
_later = select(_later_ids.c.id)
_FIND = {
    StepRelation.FOLLOWS: _followers,
    StepRelation.WAITS: _waiting.order_by(step_waits.c.id),
    StepRelation.LATER: _later.order_by(_later_ids.c.id),
}


def _shown(relation: StepRelation) -> Select[Any]:
    found = _FIND[relation].limit(inline_number(SHOWN_MAX)).subquery("found")
    step = select(group_steps).where(_step.id == found.c.id).limit(ONE_ROW).lateral("step")
    named = (
        select(subreddits.c.name)
        .where(subreddits.c.id == step.c.subreddit_id)
        .limit(ONE_ROW)
        .lateral("named")
    )
    return select(step.c.group_id, step.c.key, named.c.name, step.c.state).select_from(
        found.join(step, true()).join(named, true())
    )


_SHOWN = {relation: _shown(relation) for relation in StepRelation}
_COUNTS = {
    relation: select(func.count()).select_from(
        query.limit(inline_number(COUNTED_MAX)).subquery("counted")
    )
    for relation, query in (
        (StepRelation.FOLLOWS, _followers),
        (StepRelation.WAITS, _waiting),
        (StepRelation.LATER, _later),
    )
}


@dataclass(frozen=True)
class RelatedSteps:
    """The steps that depend on a job: the first SHOWN_MAX of them, and their number.

    `total` counts at most COUNTED_MAX steps of each kind of dependence (StepRelation).
    """

    shown: list[RelatedStep]
    total: int


def of_job(conn: Connection, *, job_id: int) -> RelatedSteps:
    """Return the steps that follow the job, wait for it, or wait for a step that follows it."""
    values = {"job_id": job_id}
    shown = [
        RelatedStep(row.group_id, row.key, row.name, StepState(row.state), relation)
        for relation, statement in _SHOWN.items()
        for row in conn.execute(statement, values)
    ]
    total = len(shown)
    if total >= SHOWN_MAX:
        total = sum(conn.execute(count, values).scalar_one() for count in _COUNTS.values())
    return RelatedSteps(shown[:SHOWN_MAX], total)
