"""Events of jobs that have ended: job.succeeded, job.failed and job.cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    ARRAY,
    UUID,
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Insert,
    Text,
    any_,
    case,
    cast,
    column,
    func,
    insert,
    literal_column,
    or_,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import psycopg as psycopg_dialect

from crawljobs.db.driver_statement import DriverStatement
from crawljobs.db.tables import crawl_jobs, group_steps, job_groups, subreddits, webhook_events
from crawljobs.db.tables.columns import Timestamp
from crawljobs.domain.job import FINAL
from crawljobs.domain.webhook import EventType
from crawljobs.repository.sql import NOW, array_of, ids, inline, inline_number, one_of
from crawljobs.repository.webhooks.events.event_interest import fits, wanted_by_each

GROUPS_MAX = 100  # limit of the groups of one event: those with the lowest ids

_NO_GROUPS = literal_column("'{}'::bigint[]", ARRAY(BigInteger))

# The columns of a job that its event needs.
JOB_COLUMNS = (
    "id",
    "status",
    "watched",
    "source",
    "subreddit_id",
    "outcome",
    "error_kind",
    "incomplete",
    "finished_at",
    "scheduled_job_id",
)
_EVENT_COLUMNS = (
    "id",
    "type",
    "created_at",
    "job_id",
    "group_ids",
    "source",
    "subreddit_id",
    "outcome",
    "error_kind",
    "incomplete",
    "finished_at",
    "schedule_id",
    "generation",
)


def _insertion(
    jobs: FromClause,
    *conditions: ColumnElement[bool],
    now: ColumnElement[datetime],
    kind: EventType | None = None,
) -> Insert:
    """Return the statement that inserts the events of ended jobs, if endpoints want the events.

    `jobs` has the columns JOB_COLUMNS. `kind` is the type of all events, if it is known.
    """
    job, step = jobs.c, group_steps.c
    of_job = select(step.group_id).where(step.job_id == job.id).correlate(jobs)
    first = of_job.with_only_columns(func.min(step.group_id)).scalar_subquery()
    generation = select(job_groups.c.generation).where(job_groups.c.id == first).scalar_subquery()
    # The groups whose steps follow the job. Only watched jobs have such steps, so the subqueries
    # run only for watched jobs.
    group_ids = case(
        (
            job.watched,
            array_of(of_job.distinct().order_by(step.group_id).limit(inline_number(GROUPS_MAX))),
        ),
        else_=_NO_GROUPS,
    )
    name = select(subreddits.c.name).where(subreddits.c.id == job.subreddit_id).correlate(jobs)
    event_type = inline("job.").concat(job.status) if kind is None else inline(kind)
    wanted = fits(
        event_type,
        group_ids=group_ids,
        source=job.source,
        subreddit=func.lower(name.scalar_subquery()),
    )
    # The id of an event is a random start, which all events of a statement share, and the id of the
    # job in the last 12 hex digits. A random UUID for each row would double the time for the row,
    # and would change another page of the index.
    event_id = cast(
        select(func.left(cast(func.gen_random_uuid(), Text), inline_number(24)))
        .scalar_subquery()
        .concat(func.lpad(func.to_hex(job.id), inline_number(12), inline("0"))),
        UUID,
    )
    values = select(
        event_id,
        event_type,
        now,
        job.id,
        group_ids,
        job.source,
        job.subreddit_id,
        job.outcome,
        job.error_kind,
        job.incomplete,
        job.finished_at,
        job.scheduled_job_id,
        case((job.watched, generation)),
    )
    return insert(webhook_events).from_select(
        [*_EVENT_COLUMNS],
        values.select_from(jobs).where(
            *conditions, wanted if kind is None else or_(wanted_by_each(kind), wanted)
        ),
    )


def insertion_sql(jobs: str, *, kind: EventType, now: str) -> str:
    """Return the insertion as SQL text, for a statement that is text and has the CTE `jobs`.

    The CTE has the columns JOB_COLUMNS, and each of its jobs has an event of the type `kind`. `now`
    is an SQL expression.
    """
    ended = table(jobs, *(column(name, crawl_jobs.c[name].type) for name in JOB_COLUMNS))
    statement = _insertion(ended, now=literal_column(now, Timestamp), kind=kind)
    return str(statement.compile(dialect=psycopg_dialect.dialect()))  # type: ignore[no-untyped-call]


# The subquery hides the length of the array from the planner. Otherwise a plan for a short array
# would look cheaper than the generic plan, and Postgres would make a new plan for each execution.
_ENDED = cast(select(ids("ids")).scalar_subquery(), ARRAY(BigInteger))
RECORD = DriverStatement(
    _insertion(
        crawl_jobs,
        crawl_jobs.c.id == any_(_ENDED),
        one_of(crawl_jobs.c.status, FINAL),
        now=NOW,
    )
)


def record(conn: Connection, *, job_ids: Sequence[int], now: datetime | None = None) -> None:
    """Write the events that endpoints want about jobs which this transaction has ended."""
    listed = "{" + ",".join(map(str, job_ids)) + "}"  # the driver sends a text faster than a list
    RECORD.execute(conn, {"ids": listed, "now": now})
