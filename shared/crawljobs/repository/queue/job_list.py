"""Pages of jobs: filtered, in the order of an index, without a table scan.

A page reads the index of its order, one branch for each status, and checks at most `look_at` jobs.
If the page is not full after that, it ends there and returns the position for the next page. With a
filter on a subreddit or on a schedule, the page reads all jobs of that one and sorts them.

Each statement is composed for the given filters. An optional condition such as `x IS NULL OR` would
lose the index in a generic plan, and so would a bound LIMIT.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, TextClause, text

from crawljobs.domain.job import FINAL, LIVE, Job, JobStatus
from crawljobs.domain.job_filter import JobFilter, JobSort
from crawljobs.repository import paging
from crawljobs.repository.queue import job_reads

LOOK_AT = 10_000  # jobs that one page checks at most: about 20 ms

# The columns of each order, as (column, type, descending); the last one is unique.
_ORDERS: dict[JobSort, tuple[tuple[str, str, bool], ...]] = {
    JobSort.NEWEST: (("created_at", "timestamptz", True), ("id", "bigint", True)),
    JobSort.OLDEST: (("created_at", "timestamptz", False), ("id", "bigint", False)),
    JobSort.ENDED_LAST: (("finished_at", "timestamptz", True), ("id", "bigint", True)),
    JobSort.ENDED_FIRST: (("finished_at", "timestamptz", False), ("id", "bigint", False)),
    JobSort.CLAIM_ORDER: (
        ("priority", "smallint", True),
        ("created_at", "timestamptz", False),
        ("id", "bigint", False),
    ),
    JobSort.DUE_FIRST: (("visible_at", "timestamptz", False), ("id", "bigint", False)),
}

_CONDITIONS = {
    "subreddit_id": "subreddit_id = :subreddit_id",
    "scheduled_job_id": "scheduled_job_id = "
    "(SELECT id FROM scheduled_jobs WHERE id = :scheduled_job_id)",
    "sources": "source = ANY (CAST(:sources AS text[]))",
    "priority_min": "priority >= :priority_min",
    "priority_max": "priority <= :priority_max",
    "error_kind": "error_kind = :error_kind",
    "error_text": r"error_message ILIKE :error_text ESCAPE '\'",
    "created_after": "created_at >= CAST(:created_after AS timestamptz)",
    "created_before": "created_at < CAST(:created_before AS timestamptz)",
    "finished_after": "finished_at >= CAST(:finished_after AS timestamptz)",
    "finished_before": "finished_at < CAST(:finished_before AS timestamptz)",
    "worker": "claimed_by = :worker",
    "incomplete": "incomplete = :incomplete",
}
# By the first column of an order: the filters that also bound the range of its index.
_BOUNDS = {
    "created_at": ("created_after", "created_before"),
    "finished_at": ("finished_after", "finished_before"),
    "priority": ("priority_min", "priority_max"),
}
_READ_WHOLE = ("subreddit_id", "scheduled_job_id")
# The columns of the conditions. The whole row would include a checkpoint, which may be long.
_COLUMNS = (
    "id",
    "subreddit_id",
    "scheduled_job_id",
    "source",
    "priority",
    "error_kind",
    "error_message",
    "created_at",
    "finished_at",
    "claimed_by",
    "incomplete",
)
# Queued jobs in the order of the index on queued_at. The condition means `=`, but the planner would
# estimate that `=` matches few rows, and would then read all queued jobs.
_QUEUED_WHEN_MADE = f"""(
    SELECT {", ".join(name for name in _COLUMNS if name != "created_at")},
        priority_ceiling, queued_at AS created_at
    FROM crawl_jobs WHERE status = 'queued' AND queued_at <= created_at
) AS queued"""


@dataclass(frozen=True)
class JobPage:
    """One page. `next` is the `after` of the next page; None if there is no next page."""

    jobs: list[Job]
    next: list[Any] | None


@dataclass(frozen=True)
class _Shape:
    """The parts of a request that decide the text of its statement. Values are bound."""

    sort: JobSort
    statuses: tuple[JobStatus, ...]
    given: tuple[str, ...]
    goes_on: bool
    limit: int
    look_at: int


def list_jobs(
    conn: Connection,
    *,
    filters: JobFilter,
    sort: JobSort = JobSort.NEWEST,
    after: list[Any] | None = None,
    limit: int = 100,
    look_at: int | None = None,
) -> JobPage:
    """Return a page of at most `limit` jobs that match `filters`, in the order of `sort`.

    `after` is the `next` of the previous page. A page with fewer jobs can still have a next page.
    """
    statuses = filters.possible_statuses(sort)
    if not statuses:
        return JobPage([], None)
    given = {
        field.name: value
        for field in fields(filters)
        if (value := getattr(filters, field.name)) is not None and field.name in _CONDITIONS
    }
    if not filters.sources:
        del given["sources"]
    # One job more than the page holds: it shows that there is a next page.
    shape = _Shape(
        sort,
        tuple(sorted(statuses)),
        tuple(given),
        after is not None,
        limit + 1,
        look_at or LOOK_AT,
    )
    values = {**given, **{f"after_{n}": part for n, part in enumerate(after or ())}}
    if "sources" in given:
        values["sources"] = sorted(filters.sources)
    if "error_text" in given:
        values["error_text"] = f"%{_escaped(given['error_text'])}%"
    rows = conn.execute(_statement(shape), values).all()
    found = [row for row in rows if row.id is not None]
    jobs = [job_reads.to_job(row) for row in found[:limit]]
    if len(found) > limit:
        return JobPage(jobs, list(found[limit - 1].position))
    return JobPage(jobs, rows[0].walk_end)


@lru_cache(maxsize=512)
def _statement(shape: _Shape) -> TextClause:
    keys = [name for name, _, _ in _ORDERS[shape.sort]]
    order = ", ".join(
        f"{name} DESC" if descending else name for name, _, descending in _ORDERS[shape.sort]
    )
    columns = ", ".join([*_COLUMNS, *(c for c in keys if c not in _COLUMNS)])
    if any(name in shape.given for name in _READ_WHOLE):
        # Without OFFSET 0, the planner could choose the index of the order and read most of it
        # before it finds these few jobs.
        end = "OFFSET 0"
    else:
        # Each branch is sorted and bounded, so that the merge reads at most `look_at` jobs of each.
        end = f"ORDER BY {order} LIMIT {shape.look_at}"
    branches = " UNION ALL ".join(
        f"(SELECT {columns} FROM {source} WHERE {branch} {end})"
        for source, branch in _branches(shape)
    )
    walk = f"SELECT * FROM ({branches}) AS walked ORDER BY {order} LIMIT {shape.look_at}"
    conditions = " AND ".join(_CONDITIONS[name] for name in shape.given) or "true"
    page = paging.common_tables(
        walk,
        conditions=conditions,
        position=f"jsonb_build_array({', '.join(keys)})",
        look_at=shape.look_at,
        limit=str(shape.limit),
    )
    return text(f"""{page}
    SELECT {job_reads.JOB_COLUMNS}, found.position, walk_end.position AS walk_end
    FROM walk_end LEFT JOIN found ON true
        LEFT JOIN crawl_jobs AS job ON job.id = found.id
        LEFT JOIN subreddits AS subreddit ON subreddit.id = job.subreddit_id
    ORDER BY found.place
    """)


def _branches(shape: _Shape) -> list[tuple[str, str]]:
    """Return FROM and WHERE of each index range that the page reads and merges."""
    whole = [_CONDITIONS[name] for name in _READ_WHOLE if name in shape.given]
    first_key = _ORDERS[shape.sort][0][0]
    bounds = [_CONDITIONS[name] for name in _BOUNDS.get(first_key, ()) if name in shape.given]
    if whole:
        # One partial index holds the finished jobs of a subreddit, another its live job.
        parts = [sorted(part.intersection(shape.statuses)) for part in (FINAL, LIVE)]
        listed = [", ".join(f"'{status}'" for status in part) for part in parts if part]
        ranges = [
            ("crawl_jobs", " AND ".join([*whole, f"status IN ({statuses})"])) for statuses in listed
        ]
    else:
        ranges = [one for status in shape.statuses for one in _ranges(status, first_key)]
    return [
        (source, " AND ".join([one, *bounds, *([later] if later else [])]))
        for source, one in ranges
        for later in _later_than_after(shape)
    ]


def _ranges(status: JobStatus, first_key: str) -> list[tuple[str, str]]:
    if status is not JobStatus.QUEUED or first_key != "created_at":
        return [("crawl_jobs", f"status = '{status}'")]
    return [
        (_QUEUED_WHEN_MADE, "priority < priority_ceiling"),
        (_QUEUED_WHEN_MADE, "priority >= priority_ceiling"),
        ("crawl_jobs", "status = 'queued' AND queued_at > created_at"),
    ]


def _later_than_after(shape: _Shape) -> list[str]:
    """Return one condition for each index range; together they select the jobs after `after`."""
    if not shape.goes_on:
        return [""]
    order = _ORDERS[shape.sort]
    keys = [name for name, _, _ in order]
    values = [f"CAST(:after_{n} AS {kind})" for n, (_, kind, _) in enumerate(order)]
    if len({descending for _, _, descending in order}) == 1:
        operator = "<" if order[0][2] else ">"
        return [f"({', '.join(keys)}) {operator} ({', '.join(values)})"]
    # The first column sorts in the other direction than the rest. So one range has the rows with an
    # equal first column, and another has all rows after them.
    beyond = "<" if order[0][2] else ">"
    rest = f"({', '.join(keys[1:])}) > ({', '.join(values[1:])})"
    return [f"{keys[0]} = {values[0]} AND {rest}", f"{keys[0]} {beyond} {values[0]}"]


def _escaped(part: str) -> str:
    return part.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
