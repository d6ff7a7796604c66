"""Compose the query for the newest finished jobs. The query reads only the index of these jobs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, Subquery, select, union_all

from crawljobs.db.tables import crawl_jobs
from crawljobs.domain.job import FINAL
from crawljobs.repository.sql import inline, inline_number


def newest_finished(
    *columns: str,
    limit: int,
    conditions: Sequence[ColumnElement[bool]] = (),
    statuses: Iterable[str] = FINAL,
) -> Subquery:
    """Return a subquery of at most `limit` finished jobs that meet the conditions, newest first.

    The jobs have one of the `statuses`, which must be final.

    The status is the first column of the index of finished jobs. So the query has one branch for
    each status, and each branch reads one range of that index. The columns must include id and
    finished_at.
    """
    finished = union_all(
        *(
            select(*(crawl_jobs.c[name] for name in columns))
            .where(crawl_jobs.c.status == inline(status), *conditions)
            .order_by(crawl_jobs.c.finished_at.desc(), crawl_jobs.c.id.desc())
            .limit(inline_number(limit))
            for status in sorted(statuses)
        )
    ).subquery("finished")
    return (
        select(finished)
        .order_by(finished.c.finished_at.desc(), finished.c.id.desc())
        .limit(inline_number(limit))
        .subquery("newest")
    )
