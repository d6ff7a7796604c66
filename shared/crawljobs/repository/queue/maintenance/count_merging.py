"""Merge count changes into the counts of finished jobs.

A count change is a row that a database trigger inserts when the number of finished jobs changes.
"""

from __future__ import annotations

from sqlalchemy import Connection, any_, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from crawljobs.db.tables import crawl_job_count_changes, crawl_job_counts
from crawljobs.repository.sql import array_of

CHUNK = 1_000  # limit of the count changes that one transaction merges

_change = crawl_job_count_changes.c
_oldest_changes = crawl_job_count_changes.alias("oldest")
_merged = (
    delete(crawl_job_count_changes)
    .where(
        _change.id
        == any_(
            array_of(
                select(_oldest_changes.c.id)
                .order_by(_oldest_changes.c.id)
                .limit(bindparam("at_most"))
                .with_for_update(skip_locked=True)
            )
        )
    )
    .returning(_change.status, _change.change)
    .cte("merged")
)
_added = (
    insert(crawl_job_counts)
    .from_select(
        ["status", "jobs"],
        select(_merged.c.status, func.sum(_merged.c.change))
        .group_by(_merged.c.status)
        .order_by(_merged.c.status),
    )
    .on_conflict_do_update(
        index_elements=[crawl_job_counts.c.status],
        set_={"jobs": crawl_job_counts.c.jobs + insert(crawl_job_counts).excluded.jobs},
    )
    .cte("added")
)
_MERGE_COUNTS = select(func.count()).select_from(_merged).add_cte(_added)


def merge_counts(conn: Connection, *, at_most: int = CHUNK) -> int:
    """Add the oldest rows of crawl_job_count_changes to crawl_job_counts, and delete these rows.

    Returns the number of deleted rows.

    A sweep calls this function. Several processes may call it at the same time.
    """
    return int(conn.execute(_MERGE_COUNTS, {"at_most": at_most}).scalar_one())
