"""Read jobs and attempts for the API. Every list has a limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    any_,
    bindparam,
    func,
    literal_column,
    select,
)

from crawljobs.db.tables import crawl_job_attempts, crawl_jobs, scheduled_jobs, subreddits
from crawljobs.domain.attempt import Attempt, AttemptOutcome
from crawljobs.domain.job import ErrorKind, Job, JobSource, JobStatus, WaitReason, is_current_error
from crawljobs.repository.queue.wait_causes import WAITS_UNTIL
from crawljobs.repository.sql import ids, inline, inline_number, row_version

# These fields of a Job come from other expressions, not from a column with the name of the field.
_FOREIGN = (
    "subreddit",
    "version",
    "waits_until",
    "scheduled_job_id",
    "follow_up_of",
    "follow_up_job_id",
)
# Null if the schedule was deleted: the jobs of a deleted schedule keep its id in their column.
_SCHEDULE = """(
    SELECT id FROM scheduled_jobs WHERE id = {job}.scheduled_job_id
) AS scheduled_job_id"""
# The job whose rerun request created this job. Null if that job was deleted.
_FOLLOW_UP_OF = "(SELECT id FROM crawl_jobs WHERE id = {job}.follow_up_of) AS follow_up_of"
# The newest follow-up of a job. A job can have several follow-ups, because an operator can retry a
# finished job. Without OFFSET 0, the planner could read all jobs by id to find the newest one.
_FOLLOW_UP = """(
    SELECT max(id) FROM (
        SELECT id FROM crawl_jobs WHERE follow_up_of = {job}.id OFFSET 0
    ) AS follow_ups
) AS follow_up_job_id"""
# The columns of a Job, for statements that use the table aliases `job` and `subreddit`. xmin is the
# id of the transaction that last changed the row. So every change gives the row another version.
_EXPRESSIONS = {
    **{name: f"job.{name}" for name in Job.__dataclass_fields__ if name not in _FOREIGN},
    "subreddit": "subreddit.name AS subreddit",
    "waits_until": f"{WAITS_UNTIL.format(job='job', subreddit='subreddit')} AS waits_until",
    "scheduled_job_id": _SCHEDULE.format(job="job"),
    "follow_up_of": _FOLLOW_UP_OF.format(job="job"),
    "follow_up_job_id": _FOLLOW_UP.format(job="job"),
    "version": "CAST(CAST(job.xmin AS text) AS bigint) AS version",
}
JOB_COLUMNS = ", ".join(_EXPRESSIONS.values())

_other = crawl_jobs.alias("other")
_follow_ups = (
    select(_other.c.id)
    .where(_other.c.follow_up_of == crawl_jobs.c.id)
    .correlate(crawl_jobs)
    .offset(inline_number(0))
    .subquery("follow_ups")
)
# The columns of a Job as SQLAlchemy Core expressions.
COLUMNS: tuple[ColumnElement[Any], ...] = (
    *(crawl_jobs.c[name] for name in Job.__dataclass_fields__ if name not in _FOREIGN),
    subreddits.c.name.label("subreddit"),
    literal_column(WAITS_UNTIL.format(job="crawl_jobs", subreddit="subreddits")).label(
        "waits_until"
    ),
    select(scheduled_jobs.c.id)
    .where(scheduled_jobs.c.id == crawl_jobs.c.scheduled_job_id)
    .scalar_subquery()
    .label("scheduled_job_id"),
    select(_other.c.id)
    .where(_other.c.id == crawl_jobs.c.follow_up_of)
    .scalar_subquery()
    .label("follow_up_of"),
    select(func.max(_follow_ups.c.id)).scalar_subquery().label("follow_up_job_id"),
    row_version(crawl_jobs),
)
JOBS = select(*COLUMNS).join_from(
    crawl_jobs, subreddits, subreddits.c.id == crawl_jobs.c.subreddit_id
)

_GET = JOBS.where(crawl_jobs.c.id == bindparam("id"))
_GET_EACH = JOBS.where(crawl_jobs.c.id == any_(ids("ids"))).order_by(crawl_jobs.c.id)

_ATTEMPTS = (
    select(*(crawl_job_attempts.c[name] for name in Attempt.__dataclass_fields__))
    .where(crawl_job_attempts.c.job_id == bindparam("job_id"))
    .order_by(crawl_job_attempts.c.id.desc())
    .limit(bindparam("limit"))
)

_WAITING_AMONG = select(crawl_jobs.c.id).where(
    crawl_jobs.c.id == any_(ids("ids")), crawl_jobs.c.status == inline("waiting")
)


def get_job(conn: Connection, *, job_id: int) -> Job | None:
    """Return the job, or None if it does not exist."""
    row = conn.execute(_GET, {"id": job_id}).first()
    return None if row is None else to_job(row)


def get_jobs(conn: Connection, *, job_ids: Sequence[int]) -> dict[int, Job]:
    """Return a mapping from these ids to their jobs, without the ids of jobs that do not exist."""
    rows = conn.execute(_GET_EACH, {"ids": list(job_ids)}) if job_ids else ()
    return {row.id: to_job(row) for row in rows}


def waiting_among(conn: Connection, *, job_ids: Sequence[int]) -> frozenset[int]:
    """Return the ids of the given jobs that are waiting."""
    return frozenset(conn.execute(_WAITING_AMONG, {"ids": list(job_ids)}).scalars())


def list_attempts(conn: Connection, *, job_id: int, limit: int = 100) -> list[Attempt]:
    """Return at most `limit` attempts of a job, the newest first."""
    return [
        Attempt(
            **{
                **row._mapping,
                "outcome": AttemptOutcome(row.outcome),
                "error_kind": ErrorKind(row.error_kind) if row.error_kind else None,
            }
        )
        for row in conn.execute(_ATTEMPTS, {"job_id": job_id, "limit": limit})
    ]


def to_job(row: Any) -> Job:
    """Return the job from a row that has at least the columns in COLUMNS."""
    mapping = row._mapping
    return _job({name: mapping[name] for name in Job.__dataclass_fields__})


def job_of(values: Sequence[Any]) -> Job:
    """Create a job from the values of the columns in JOB_COLUMNS, in the same order."""
    return _job(dict(zip(_EXPRESSIONS, values, strict=True)))


def _job(values: dict[str, Any]) -> Job:
    values["status"] = JobStatus(values["status"])
    values["source"] = JobSource(values["source"])
    values["wait_reason"] = WaitReason.of(values["wait_reason"], values["error_kind"])
    if not is_current_error(values["status"], values["wait_reason"]):
        values["error_kind"] = values["error_message"] = None
    values["error_kind"] = ErrorKind(values["error_kind"]) if values["error_kind"] else None
    return Job(**values)
