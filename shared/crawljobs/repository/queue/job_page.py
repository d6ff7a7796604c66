"""Compose the statement that reads one page of a list of jobs.

The statement is a UNION ALL of branches. A branch is a SELECT that reads one range of an index in
the order of the page, for example the jobs with one status. The statement checks at most
`scan_limit` jobs. If these jobs do not fill the page, the statement returns the position at which
the next page continues.

With a filter on a subreddit, a schedule or a group, the branches read all jobs of the subreddit,
schedule or group. The statement sorts these jobs, and checks only the first `scan_limit` jobs.

Each set of filters has its own statement. With an optional condition such as `x IS NULL OR`, or
with a bound LIMIT, a generic plan could not use the index.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    bindparam,
    func,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSONB

from crawljobs.db.tables import crawl_jobs, subreddits
from crawljobs.domain.job import FINAL, LIVE, JobStatus
from crawljobs.domain.job_filter import JobSort
from crawljobs.repository import paging
from crawljobs.repository.queue import job_reads
from crawljobs.repository.queue.dependents import followed_jobs
from crawljobs.repository.queue.matching import filter_conditions
from crawljobs.repository.sql import inline, inline_number, one_of

# The columns of each order, as (column, descending). The last column is unique.
_ORDERS: dict[JobSort, tuple[tuple[str, bool], ...]] = {
    JobSort.NEWEST: (("created_at", True), ("id", True)),
    JobSort.OLDEST: (("created_at", False), ("id", False)),
    JobSort.ENDED_LAST: (("finished_at", True), ("id", True)),
    JobSort.ENDED_FIRST: (("finished_at", False), ("id", False)),
    JobSort.CLAIM_ORDER: (("priority", True), ("created_at", False), ("id", False)),
    JobSort.DUE_FIRST: (("visible_at", False), ("id", False)),
}

# Maps the first column of the page's order to the filters that limit the range of the index.
_BOUNDS = {
    "created_at": ("created_after", "created_before"),
    "finished_at": ("finished_after", "finished_before"),
    "priority": ("priority_min", "priority_max"),
}
_READ_WHOLE = ("subreddit_id", "scheduled_job_id", "group_id")
# The columns that the filters use. The whole row would include a checkpoint, which may be long.
_COLUMNS = (
    "id",
    "subreddit_id",
    "scheduled_job_id",
    "source",
    "priority",
    "wait_reason",
    "error_kind",
    "error_message",
    "created_at",
    "finished_at",
    "claimed_by",
    "incomplete",
)
_job = crawl_jobs.c
_IS_QUEUED = _job.status == inline(JobStatus.QUEUED)
_of_group = followed_jobs.of_group((*_COLUMNS, "status", "visible_at"))
# Jobs that have been queued since their creation. The planner finds them by an index on queued_at.
# The condition `queued_at <= created_at` matches the same jobs as `=`. With `=`, the planner would
# expect few rows, and choose a plan that reads all queued jobs.
_queued_when_made = (
    select(
        *(_job[name] for name in _COLUMNS if name != "created_at"),
        _job.priority_ceiling,
        _job.queued_at.label("created_at"),
    )
    .where(_IS_QUEUED, _job.queued_at <= _job.created_at)
    .subquery("queued")
)
_WHEN_MADE_RANGES = (
    (_queued_when_made, _queued_when_made.c.priority < _queued_when_made.c.priority_ceiling),
    (_queued_when_made, _queued_when_made.c.priority >= _queued_when_made.c.priority_ceiling),
    (crawl_jobs, and_(_IS_QUEUED, _job.queued_at > _job.created_at)),
)


@dataclass(frozen=True)
class PageShape:
    """The parts of a request that decide the SQL text."""

    sort: JobSort
    statuses: tuple[JobStatus, ...]
    given: tuple[str, ...]  # filters except `statuses`; their values are bound parameters
    continues: bool  # true: the page starts after the position (`after_0`, `after_1`, ...)
    limit: int
    scan_limit: int


def walk_of(shape: PageShape) -> Select[Any]:
    """Return the query that reads the first `scan_limit` jobs, in the order of the page.

    Only the filters in _READ_WHOLE and the bounds of the index are applied: see `rest_of`.
    """
    order = _ORDERS[shape.sort]
    names = [*_COLUMNS, *(name for name, _ in order if name not in _COLUMNS)]

    def branch(source: FromClause, condition: ColumnElement[bool]) -> Select[Any]:
        jobs = select(*(source.c[name] for name in names)).where(condition)
        if any(name in shape.given for name in _READ_WHOLE):
            # Without OFFSET 0, Postgres could read the index that has the page's order. It would
            # read most of that index before it finds the few jobs of a subreddit or schedule.
            return jobs.offset(inline_number(0))
        # With ORDER BY and LIMIT, each branch of the UNION ALL reads at most `scan_limit` jobs.
        return jobs.order_by(*_sorted_by(source, shape)).limit(inline_number(shape.scan_limit))

    walked = union_all(*(branch(*each) for each in _branches(shape))).subquery("walked")
    return (
        select(walked).order_by(*_sorted_by(walked, shape)).limit(inline_number(shape.scan_limit))
    )


def rest_of(shape: PageShape, job: FromClause) -> ColumnElement[bool]:
    """Return the condition of the filters that `walk_of` has not applied."""
    rest = [name for name in shape.given if name not in _READ_WHOLE]
    return and_(true(), *(filter_conditions.CONDITIONS[name](job) for name in rest))


@lru_cache(maxsize=512)
def page_statement(shape: PageShape) -> Select[Any]:
    """Return the statement that reads a page with the filters, order and limits in `shape`."""
    page = paging.page_of(
        walk_of(shape),
        is_found=lambda job: rest_of(shape, job),
        position=lambda job: func.jsonb_build_array(
            *(job.c[name] for name, _ in _ORDERS[shape.sort]), type_=JSONB
        ),
        scan_limit=shape.scan_limit,
        limit=inline_number(shape.limit),
    )
    return (
        select(*job_reads.COLUMNS, *page.positions)
        .select_from(
            page.walk_end.outerjoin(page.found, true())
            .outerjoin(crawl_jobs, _job.id == page.found.c.id)
            .outerjoin(subreddits, subreddits.c.id == _job.subreddit_id)
        )
        .order_by(page.found.c.place)
    )


def _sorted_by(jobs: FromClause, shape: PageShape) -> list[ColumnElement[Any]]:
    return [
        jobs.c[name].desc() if descending else jobs.c[name]
        for name, descending in _ORDERS[shape.sort]
    ]


def _branches(shape: PageShape) -> Iterator[tuple[FromClause, ColumnElement[bool]]]:
    """Yield the table and the condition of each index range that the page reads and merges."""
    first_key = _ORDERS[shape.sort][0][0]
    given = (*_READ_WHOLE, *_BOUNDS.get(first_key, ()))
    for source, condition in _ranges(shape, first_key):
        bounds = [
            filter_conditions.CONDITIONS[name](source) for name in given if name in shape.given
        ]
        for later in _later_than_after(source, shape):
            yield source, and_(condition, *bounds, later)


def _ranges(shape: PageShape, first_key: str) -> Iterator[tuple[FromClause, ColumnElement[bool]]]:
    if "group_id" in shape.given:
        yield _of_group, one_of(_of_group.c.status, shape.statuses)
        return
    if any(name in shape.given for name in _READ_WHOLE):
        # One partial index has the subreddit's finished jobs, and another has the live job.
        for part in (FINAL, LIVE):
            if statuses := part.intersection(shape.statuses):
                yield crawl_jobs, one_of(_job.status, statuses)
        return
    for status in shape.statuses:
        if status is JobStatus.QUEUED and first_key == "created_at":
            yield from _WHEN_MADE_RANGES
        else:
            yield crawl_jobs, _job.status == inline(status)


def _later_than_after(source: FromClause, shape: PageShape) -> Iterator[ColumnElement[bool]]:
    """Yield a condition for each index range. Together, they match all jobs that follow `after`."""
    if not shape.continues:
        yield true()
        return
    order = _ORDERS[shape.sort]
    keys = [source.c[name] for name, _ in order]
    after = [bindparam(f"after_{number}", type_=key.type) for number, key in enumerate(keys)]
    is_descending = order[0][1]
    if len({descending for _, descending in order}) == 1:
        yield _is_beyond(tuple_(*keys), tuple_(*after), is_descending)
        return
    # The first column has another direction than the others. First condition: an equal first
    # column, and later values in the others. Second condition: a later value in the first column.
    yield and_(keys[0] == after[0], tuple_(*keys[1:]) > tuple_(*after[1:]))
    yield _is_beyond(keys[0], after[0], is_descending)


def _is_beyond(
    key: ColumnElement[Any], after: ColumnElement[Any], is_descending: bool
) -> ColumnElement[bool]:
    return key < after if is_descending else key > after
