"""Change jobs for operators: boost, set the priority, wake, retry, cancel, give up and delete.

Each change first locks its jobs, ordered by subreddit and id. So no other transaction can change
the jobs after their old values were read for the audit rows. A job whose status does not allow the
verb is not changed: a change of one job raises an error, and a change of many jobs returns an error
for this job.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from crawljobs import errors
from crawljobs.db import failures
from crawljobs.domain.job import Job
from crawljobs.domain.operator_verbs import ALLOWED, Verb
from crawljobs.repository.queue import job_reads
from crawljobs.repository.queue import operator_change_sql as sql
from crawljobs.repository.queue.dependents import awaited_jobs
from crawljobs.repository.webhooks.events import job_events

ENDING = (Verb.CANCEL, Verb.GIVE_UP)  # verbs that end a job
RACES_MAX = 20  # limit of the tries of a change; a try fails if an enqueue creates a live job


@dataclass(frozen=True)
class JobChange:
    """The result for one job: the job before and after, or the error that prevented the change."""

    job_id: int
    before: Job | None = None
    after: Job | None = None  # None after an error, or if the change deleted the job
    error: errors.CrawljobsError | None = None

    @property
    def changes_nothing(self) -> bool:
        """Return whether the job already had the new values. Then no audit row is written."""
        return self.error is None and self.before == self.after


def lock_job(conn: Connection, *, job_id: int) -> Job | None:
    """Lock the job until the transaction ends. Returns it, or None if it does not exist."""
    row = conn.execute(sql.LOCK, {"ids": [job_id]}).first()
    return None if row is None else job_reads.to_job(row)


def change(
    conn: Connection,
    *,
    verb: Verb,
    job_id: int,
    points: int | None = None,
    traceparent: str | None = None,
    actor: str | None = None,
    force: bool = False,
    now: datetime | None = None,
) -> JobChange:
    """Apply the verb to one job.

    Raises NotFound, IllegalTransition, LiveJobExists or StepDependsOnJob.
    """
    (changed,) = change_many(
        conn,
        verb=verb,
        job_ids=[job_id],
        points=points,
        traceparent=traceparent,
        actor=actor,
        force=force,
        now=now,
    )
    if changed.error is not None:
        raise changed.error
    return changed


def change_many(
    conn: Connection,
    *,
    verb: Verb,
    job_ids: Sequence[int],
    points: int | None = None,
    dry_run: bool = False,
    traceparent: str | None = None,
    actor: str | None = None,
    force: bool = False,
    now: datetime | None = None,
) -> list[JobChange]:
    """Apply the verb to each job whose status allows it.

    Returns one result for each id, in the given order. If several finished jobs belong to one
    subreddit, only the newest job is retried. A retried job gets the trace context `traceparent`.
    If a job ends, the `reason` of each step that depends on the job names the `actor`.
    A job on which an open step depends is deleted only with `force`.
    With `dry_run`, the function writes and locks nothing, and `after` is the unchanged job.
    """
    rows = conn.execute(sql.READ if dry_run else sql.LOCK, {"ids": sorted(set(job_ids))})
    found = {row.id: job_reads.to_job(row) for row in rows}
    refused = _refusals(conn, verb, found)
    if verb is Verb.DELETE and not force:
        refused = {**awaited_jobs.awaited(conn, sorted(found)), **refused}
    chosen = sorted(found.keys() - refused.keys(), key=lambda i: (found[i].subreddit_id, i))
    after = found
    if chosen and not dry_run:
        refused |= _apply(
            conn,
            verb,
            chosen,
            {"points": points, "new_traceparent": traceparent, "actor": actor, "now": now},
        )
        after = {row.id: job_reads.to_job(row) for row in conn.execute(sql.READ, {"ids": chosen})}
    return list(_results(job_ids, found, after, refused))


def _refusals(
    conn: Connection, verb: Verb, found: dict[int, Job]
) -> dict[int, errors.CrawljobsError]:
    allowed = ALLOWED[verb]
    wanted = ", ".join(sorted(allowed))
    refused: dict[int, errors.CrawljobsError] = {
        job.id: errors.IllegalTransition(
            f"cannot {verb} a job that is {job.status}: it must be {wanted}"
        )
        for job in found.values()
        if job.status not in allowed
    }
    if verb is not Verb.RETRY:
        return refused
    able = [job for job in found.values() if job.id not in refused]
    refused |= _live_jobs_of(conn, [job.id for job in able])
    newest = {job.subreddit_id: job.id for job in sorted(able, key=lambda job: job.id)}
    for job in able:
        if job.id not in refused and newest[job.subreddit_id] != job.id:
            other = newest[job.subreddit_id]
            refused[job.id] = errors.LiveJobExists(
                f"a newer job of the same subreddit is retried instead: {other}", job_id=other
            )
    return refused


def _apply(
    conn: Connection, verb: Verb, chosen: list[int], values: dict[str, Any]
) -> dict[int, errors.CrawljobsError]:
    """Apply the verb. Returns an error for each job whose subreddit got a live job meanwhile."""
    spoiled: dict[int, errors.CrawljobsError] = {}
    for _ in range(RACES_MAX):
        try:
            with conn.begin_nested():
                result = conn.execute(sql.STATEMENTS[verb], {"ids": chosen, **values})
            break
        except IntegrityError as error:
            if failures.constraint(error) != "crawl_jobs_live_key":
                raise
            spoiled |= _live_jobs_of(conn, chosen)
            chosen = [job_id for job_id in chosen if job_id not in spoiled]
    else:
        raise errors.DatabaseUnavailable("too many enqueues of the same subreddits; try again")
    ended = [row.id for row in result if row.has_event] if verb in ENDING else []
    if ended:
        job_events.record(conn, job_ids=ended, now=values["now"])
    if chosen and verb in (Verb.RETRY, Verb.WAKE):
        conn.execute(sql.NOTIFY)
    return spoiled


def _live_jobs_of(conn: Connection, job_ids: list[int]) -> dict[int, errors.CrawljobsError]:
    return {
        row.id: errors.LiveJobExists(
            f"the subreddit of job {row.id} already has a live job: {row.live_id}",
            job_id=row.live_id,
        )
        for row in conn.execute(sql.LIVE_JOBS_OF, {"ids": job_ids})
    }


def _results(
    job_ids: Sequence[int],
    before: dict[int, Job],
    after: dict[int, Job],
    refused: dict[int, errors.CrawljobsError],
) -> Iterable[JobChange]:
    seen: set[int] = set()
    for job_id in job_ids:
        error = refused.get(job_id)
        if job_id not in before:
            error = errors.NotFound(f"there is no job {job_id}")
        elif job_id in seen:
            error = errors.Duplicate(f"job {job_id} is listed more than once")
        seen.add(job_id)
        one = JobChange(job_id, before=before.get(job_id), error=error)
        yield one if error else replace(one, after=after.get(job_id))
