"""Events of jobs that have ended: job.succeeded, job.failed and job.cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    ARRAY,
    UUID,
    BigInteger,
    Connection,
    Text,
    any_,
    case,
    cast,
    func,
    insert,
    literal_column,
    select,
    true,
)

from crawljobs.db.driver_statement import DriverStatement
from crawljobs.db.tables import crawl_jobs, group_steps, job_groups, subreddits, webhook_events
from crawljobs.domain.job import FINAL
from crawljobs.repository.sql import NOW, ONE_ROW, array_of, ids, inline, inline_number, one_of
from crawljobs.repository.webhooks.events.event_interest import fits

GROUPS_MAX = 100  # limit of the groups of one event: those with the lowest ids

_job, _step = crawl_jobs.c, group_steps.c

_ids = (
    select(_step.group_id)
    .where(_step.job_id == _job.id)
    .distinct()
    .order_by(_step.group_id)
    .limit(inline_number(GROUPS_MAX))
    .correlate(crawl_jobs)
)
_NONE = literal_column("'{}'::bigint[]", ARRAY(BigInteger))
# The groups whose steps follow the job. No step follows a job that is not watched, so the query
# reads no groups for it. Without OFFSET, Postgres would compute the array again at each use.
_followed = (
    select(case((_job.watched, array_of(_ids)), else_=_NONE).label("group_ids"))
    .correlate(crawl_jobs)
    .offset(inline_number(0))
    .lateral("followed")
)
_first = literal_column("followed.group_ids[1]", BigInteger)
_kind = inline("job.").concat(_job.status)
# Without LIMIT, Postgres could read all subreddits for a batch of jobs.
_subreddit = (
    select(subreddits.c.name)
    .where(subreddits.c.id == _job.subreddit_id)
    .correlate(crawl_jobs)
    .limit(ONE_ROW)
    .lateral("subreddit")
)
_name = func.lower(_subreddit.c.name)

# A random start for each statement, and the id of the job as the last 12 hex digits. A random UUID
# for each row would cost as much time as the rest of the row, and each would change another page of
# the index.
_id = cast(
    select(func.left(cast(func.gen_random_uuid(), Text), inline_number(24)))
    .scalar_subquery()
    .concat(func.lpad(func.to_hex(_job.id), inline_number(12), inline("0"))),
    UUID,
)

# The subquery hides the length of the array from the planner. Otherwise a plan for a short array
# would look cheaper than the generic plan, and Postgres would make a new plan for each execution.
_ended = cast(select(ids("ids")).scalar_subquery(), ARRAY(BigInteger))

RECORD = DriverStatement(
    insert(webhook_events).from_select(
        [
            "id",
            "type",
            "created_at",
            "job_id",
            "group_ids",
            "source",
            "subreddit",
            "outcome",
            "error_kind",
            "incomplete",
            "finished_at",
            "schedule_id",
            "generation",
        ],
        select(
            _id,
            _kind,
            NOW,
            _job.id,
            _followed.c.group_ids,
            _job.source,
            _subreddit.c.name,
            _job.outcome,
            _job.error_kind,
            _job.incomplete,
            _job.finished_at,
            _job.scheduled_job_id,
            select(job_groups.c.generation).where(job_groups.c.id == _first).scalar_subquery(),
        )
        .select_from(crawl_jobs.join(_subreddit, true()).join(_followed, true()))
        .where(
            _job.id == any_(_ended),
            one_of(_job.status, FINAL),
            fits(_kind, group_ids=_followed.c.group_ids, source=_job.source, subreddit=_name),
        ),
    )
)


def record(conn: Connection, *, job_ids: Sequence[int], now: datetime | None = None) -> None:
    """Write those events of these jobs that endpoints want. The transaction has ended the jobs."""
    listed = "{" + ",".join(map(str, job_ids)) + "}"  # a text is faster than a list
    RECORD.execute(conn, {"ids": listed, "now": now})
