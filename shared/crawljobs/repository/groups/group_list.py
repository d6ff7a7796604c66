"""List groups that match filters, page by page, the newest group first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    func,
    select,
    true,
)

from crawljobs.db.tables import group_steps, job_groups
from crawljobs.domain.group import Group
from crawljobs.repository import paging
from crawljobs.repository.groups import group_reads
from crawljobs.repository.sql import array_of, inline, inline_number

SCAN_LIMIT = 10_000  # to fill one page, at most this number of groups is checked


class GroupFilterState(StrEnum):
    """The values of the filter `state`: a state of groups, or an outcome of finished groups."""

    OPEN = "open"
    PAUSED = "paused"  # the group is open, and no pending step starts
    FINISHED = "finished"
    SUCCEEDED = "succeeded"
    PARTLY = "partly"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class GroupPage:
    """One page of groups. Pass `next` as `before_id` for the next page. None: no page follows."""

    groups: list[Group]
    next: int | None


_group = job_groups.c
_COLUMNS = ("id", "name", "finished_at", "paused_at", "outcome", "scheduled_job_id")
_OPEN = (GroupFilterState.OPEN, GroupFilterState.PAUSED)

_CONDITIONS: dict[GroupFilterState, Callable[[FromClause], ColumnElement[bool]]] = {
    GroupFilterState.OPEN: lambda group: group.c.finished_at.is_(None),
    GroupFilterState.PAUSED: lambda group: and_(
        group.c.finished_at.is_(None), group.c.paused_at.is_not(None)
    ),
    GroupFilterState.FINISHED: lambda group: group.c.finished_at.is_not(None),
}


def _is_in(state: GroupFilterState | None, group: FromClause) -> ColumnElement[bool]:
    if state is None:
        return true()
    if state in _CONDITIONS:
        return _CONDITIONS[state](group)
    return group.c.outcome == inline(state)


def _has_name(group: FromClause) -> ColumnElement[bool]:
    return func.lower(group.c.name) == func.lower(bindparam("name", type_=Text))


def _is_of_schedule(group: FromClause) -> ColumnElement[bool]:
    return group.c.scheduled_job_id == bindparam("schedule_id", type_=BigInteger)


@lru_cache(maxsize=64)
def page_statement(
    *,
    state: GroupFilterState | None,
    by_name: bool,
    by_subreddit: bool,
    by_schedule: bool = False,
    continues: bool,
    limit: int,
    scan_limit: int,
) -> Select[Any]:
    """Return the statement of a page. The filters decide which index it reads.

    Each set of filters has its own statement, because Postgres could not use an index for a filter
    that may be absent.
    """
    ranges: list[ColumnElement[bool]] = []
    if by_subreddit:
        of_subreddit = select(group_steps.c.group_id).where(
            group_steps.c.subreddit_id == bindparam("subreddit_id")
        )
        ranges.append(_group.id == any_(array_of(of_subreddit)))
    elif by_schedule:
        ranges.append(_is_of_schedule(job_groups))
    elif by_name:
        ranges.append(_has_name(job_groups))
    elif state in _OPEN:
        ranges.append(_group.finished_at.is_(None))
    if continues:
        ranges.append(_group.id < bindparam("before_id"))
    groups = select(*(_group[name] for name in _COLUMNS)).where(*ranges)
    if by_subreddit or by_name:
        # Without OFFSET 0, Postgres could read the whole primary key to find these few groups.
        groups = groups.offset(inline_number(0))
    return paging.newest_first(
        groups,
        is_found=lambda group: and_(
            _is_in(state, group),
            _has_name(group) if by_name and (by_subreddit or by_schedule) else true(),
            _is_of_schedule(group) if by_schedule and by_subreddit else true(),
        ),
        columns=group_reads.COLUMNS,
        key=_group.id,
        scan_limit=scan_limit,
        limit=limit,
    )


def list_groups(
    conn: Connection,
    *,
    name: str | None = None,
    state: GroupFilterState | None = None,
    subreddit_id: int | None = None,
    schedule_id: int | None = None,
    before_id: int | None = None,
    limit: int = 100,
    scan_limit: int = SCAN_LIMIT,
) -> GroupPage:
    """Return a page of at most `limit` groups that match all filters, the newest first.

    - `name`: the whole name; case does not matter.
    - `subreddit_id`: a step crawls this subreddit.
    - `schedule_id`: this schedule created the group.

    A page checks at most `scan_limit` groups. So a page with fewer groups can have a next page.
    """
    statement = page_statement(
        state=state,
        by_name=name is not None,
        by_subreddit=subreddit_id is not None,
        by_schedule=schedule_id is not None,
        continues=before_id is not None,
        limit=limit + 1,
        scan_limit=scan_limit,
    )
    values = {
        "name": name,
        "subreddit_id": subreddit_id,
        "schedule_id": schedule_id,
        "before_id": before_id,
    }
    rows = conn.execute(statement, {k: v for k, v in values.items() if v is not None}).all()
    found, following = paging.cut(rows, limit=limit)
    return GroupPage([group_reads.to_group(row) for row in found], following)
