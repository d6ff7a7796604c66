"""Events of jobs that have ended: job.succeeded, job.failed and job.cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Connection,
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
from crawljobs.repository.webhooks.events.event_json import json_object, json_time

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
# The groups whose steps follow the job. A job that is not watched has no such step, so its groups
# are not read. Without OFFSET, Postgres would compute the array again at each use.
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

# The planner does not see the length of an array in a subquery. For a short array, a plan for its
# length would look cheaper than the generic plan, and Postgres would plan each execution.
_ended = cast(select(ids("ids")).scalar_subquery(), ARRAY(BigInteger))

RECORD = DriverStatement(
    insert(webhook_events).from_select(
        ["type", "created_at", "data", "job_id", "group_ids", "source", "subreddit"],
        select(
            _kind,
            NOW,
            json_object(
                job_id=_job.id,
                subreddit=_subreddit.c.name,
                source=_job.source,
                status=_job.status,
                outcome=_job.outcome,
                error_kind=_job.error_kind,
                incomplete=_job.incomplete,
                finished_at=json_time(_job.finished_at),
                schedule_id=_job.scheduled_job_id,
                group_id=_first,
                generation=select(job_groups.c.generation)
                .where(job_groups.c.id == _first)
                .scalar_subquery(),
                group_ids=func.to_jsonb(_followed.c.group_ids),
            ),
            _job.id,
            _followed.c.group_ids,
            _job.source,
            _name,
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
    """Write events about these jobs, which this transaction has ended, if endpoints want them."""
    listed = "{" + ",".join(map(str, job_ids)) + "}"  # a text is faster than a list
    RECORD.execute(conn, {"ids": listed, "now": now})
