"""List the steps of a group, page by page, in the order in which the steps were added."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Select, any_, bindparam, select, true, union_all

from crawljobs.db.tables import group_steps, step_waits, subreddits
from crawljobs.domain.group import RequiredOutcome, StepState, UpstreamFailure
from crawljobs.domain.step import Step, StepWait
from crawljobs.repository.sql import ONE_ROW, array_of, ids, inline, inline_number, one_of, unnested

WAITS_SHOWN = 20  # limit of the waits of one step in a list; open waits come first

_step = group_steps.c
# LATERAL with LIMIT 1 makes the planner look up each subreddit by its id.
_named = (
    select(subreddits.c.name)
    .where(subreddits.c.id == _step.subreddit_id)
    .limit(ONE_ROW)
    .lateral("named")
)
_COLUMNS = (
    *(_step[name] for name in Step.__dataclass_fields__ if name not in ("subreddit", "waits")),
    _named.c.name.label("subreddit"),
)
STEPS = select(*_COLUMNS).select_from(group_steps.join(_named, true()))
_GET = STEPS.where(_step.group_id == bindparam("group_id"), _step.key == bindparam("key"))
_LOCK = _GET.with_for_update(of=group_steps)

_wanted = unnested("wanted", id=ids("ids"))
_waits = (
    select(step_waits)
    .where(step_waits.c.step_id == _wanted.c.id)
    .order_by(step_waits.c.ended_at.is_not(None), step_waits.c.id)
    .limit(inline_number(WAITS_SHOWN))
    .lateral("wait")
)
_upstream = (
    select(_step.key)
    .where(_step.id == _waits.c.upstream_step_id)
    .limit(ONE_ROW)
    .lateral("upstream")
)
_WAITS = select(
    _waits.c.step_id,
    _upstream.c.key,
    _waits.c.upstream_job_id,
    _waits.c.upstream_group_id,
    _waits.c.state,
    _waits.c.reason,
    _waits.c.ended_at,
).select_from(_wanted.join(_waits, true()).outerjoin(_upstream, true()))


@lru_cache(maxsize=256)
def page_statement(
    states: tuple[StepState, ...], *, by_subreddit: bool, continues: bool, limit: int
) -> Select[Any]:
    """Return the statement that selects a page of the group's steps in these states.

    The statement reads one range of an index for each state, and merges these ranges. With
    `by_subreddit`, the statement reads all steps of the group that crawl the subreddit, because few
    steps of a group crawl the same subreddit.
    """
    more = [_step.id > bindparam("after_id")] if continues else []
    of_group = _step.group_id == bindparam("group_id")
    if by_subreddit:
        # OFFSET 0 makes the planner find the steps by an index on the subreddit.
        found = (
            select(_step.id)
            .where(
                _step.subreddit_id == bindparam("subreddit_id"),
                of_group,
                one_of(_step.state, states),
                *more,
            )
            .offset(inline_number(0))
            .subquery("found")
        )
    else:
        found = union_all(
            *(
                select(_step.id)
                .where(of_group, _step.state == inline(state), *more)
                .order_by(_step.id)
                .limit(inline_number(limit))
                for state in states
            )
        ).subquery("found")
    page = select(found.c.id).order_by(found.c.id).limit(inline_number(limit))
    return STEPS.where(_step.id == any_(array_of(page))).order_by(_step.id)


def list_steps(
    conn: Connection,
    *,
    group_id: int,
    states: Collection[StepState] = (),
    subreddit_id: int | None = None,
    after_id: int | None = None,
    limit: int = 100,
) -> list[Step]:
    """Return at most `limit` steps of the group with ids above `after_id`, with their waits.

    If `states` is empty, steps in any state are returned. If `subreddit_id` is None, steps of any
    subreddit are returned.
    """
    statement = page_statement(
        tuple(sorted(set(states) or StepState)),
        by_subreddit=subreddit_id is not None,
        continues=after_id is not None,
        limit=limit,
    )
    values = {"group_id": group_id, "subreddit_id": subreddit_id, "after_id": after_id}
    rows = conn.execute(statement, {k: v for k, v in values.items() if v is not None})
    return with_waits(conn, [to_step(row) for row in rows])


def get_step(conn: Connection, *, group_id: int, key: str) -> Step | None:
    """Return the step with its waits, or None if the group has no step with this key."""
    row = conn.execute(_GET, {"group_id": group_id, "key": key}).first()
    return None if row is None else with_waits(conn, [to_step(row)])[0]


def lock_step(conn: Connection, *, group_id: int, key: str) -> Step | None:
    """Lock the step until the transaction ends. The caller has locked the group."""
    row = conn.execute(_LOCK, {"group_id": group_id, "key": key}).first()
    return None if row is None else to_step(row)


def with_waits(conn: Connection, steps: Sequence[Step]) -> list[Step]:
    """Return the steps with at most WAITS_SHOWN waits each, the open waits first."""
    own = {step.id: step.group_id for step in steps}
    waits: defaultdict[int, list[StepWait]] = defaultdict(list)
    for row in conn.execute(_WAITS, {"ids": list(own)}) if own else ():
        waits[row.step_id].append(to_wait(row, group_id=own[row.step_id]))
    return [replace(step, waits=waits[step.id]) for step in steps]


def to_wait(row: Any, *, group_id: int) -> StepWait:
    """Convert a row to a StepWait. `group_id` is the group of the waiting step."""
    is_for_all = row.upstream_group_id == group_id
    return StepWait(
        row.key,
        row.upstream_job_id,
        None if is_for_all else row.upstream_group_id,
        is_for_all,
        None if row.state is None else StepState(row.state),
        row.reason,
        row.ended_at,
    )


def to_step(row: Any) -> Step:
    """Return the step from a row of STEPS, without its waits."""
    values = {name: row._mapping[name] for name in Step.__dataclass_fields__ if name != "waits"}
    values["state"] = StepState(row.state)
    values["on_upstream_failure"] = UpstreamFailure(row.on_upstream_failure)
    values["require_outcome"] = RequiredOutcome(row.require_outcome)
    return Step(**values)
