"""Lists of jobs: filtered, in the order of an index, a page at a time, never a scan.

A page walks the index of its order, one branch a status, and looks at no more than `look_at` jobs.
When so many were looked at and the page is not full it ends there, and says where to go on. A
filter on a subreddit or a schedule reads that one's jobs instead, and sorts them.

The statements are composed for the filters that are given: an optional condition as `x IS NULL OR`
would lose the indexes in a generic plan, and so would a bound LIMIT.
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

LOOK_AT = 10_000  # jobs that one page looks at: some 20 ms

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
# Which conditions are also bounds of the index that the order walks.
_BOUNDS = {
    "created_at": ("created_after", "created_before"),
    "finished_at": ("finished_after", "finished_before"),
    "priority": ("priority_min", "priority_max"),
}
_READ_WHOLE = ("subreddit_id", "scheduled_job_id")
# What the conditions look at; not the whole row, which may hold a long checkpoint.
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
# In the order of the indexes of those that wait. `<=` where equality is meant: the planner would
# take that for rare, and read all of them.
_QUEUED_WHEN_MADE = f"""(
    SELECT {", ".join(name for name in _COLUMNS if name != "created_at")},
        priority_ceiling, queued_at AS created_at
    FROM crawl_jobs WHERE status = 'queued' AND queued_at <= created_at
) AS queued"""


@dataclass(frozen=True)
class JobPage:
    """`next` is where the next page begins, for `after`; None at the end of the list."""

    jobs: list[Job]
    next: list[Any] | None


@dataclass(frozen=True)
class _Shape:
    """What the text of a statement depends on; values are bound."""

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
    """At most `limit` jobs; a page may hold fewer and still have a next one."""
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
    # One more than shown tells whether there is a next page.
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
        # OFFSET 0 keeps the planner from walking another index in the hope to meet these few early.
        end = "OFFSET 0"
    else:
        # Each in its own order and no further than needed, so that merging them reads no more.
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
    """FROM and WHERE of each range of an index to walk, best merged in the list's order."""
    whole = [_CONDITIONS[name] for name in _READ_WHOLE if name in shape.given]
    first_key = _ORDERS[shape.sort][0][0]
    bounds = [_CONDITIONS[name] for name in _BOUNDS.get(first_key, ()) if name in shape.given]
    if whole:
        # The indexes of a subreddit's jobs are of ended ones and of the live one.
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
    """Conditions that together mean `comes after the position`; each a range of the index."""
    if not shape.goes_on:
        return [""]
    order = _ORDERS[shape.sort]
    keys = [name for name, _, _ in order]
    values = [f"CAST(:after_{n} AS {kind})" for n, (_, kind, _) in enumerate(order)]
    if len({descending for _, _, descending in order}) == 1:
        operator = "<" if order[0][2] else ">"
        return [f"({', '.join(keys)}) {operator} ({', '.join(values)})"]
    # The first key runs the other way: the rest of its equals, then all beyond.
    beyond = "<" if order[0][2] else ">"
    rest = f"({', '.join(keys[1:])}) > ({', '.join(values[1:])})"
    return [f"{keys[0]} = {values[0]} AND {rest}", f"{keys[0]} {beyond} {values[0]}"]


def _escaped(part: str) -> str:
    return part.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
