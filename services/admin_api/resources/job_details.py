"""Reads a job with its attempts, its changes by operators and the steps that depend on it."""

from __future__ import annotations

from admin_api.http import auth
from admin_api.resources import enqueueing
from admin_api.schemas.job_detail import JobDetail
from crawljobs.db.database import Connection
from crawljobs.domain.api_token import Scope
from crawljobs.domain.job import Job
from crawljobs.repository.groups.explained import related_steps
from crawljobs.repository.operations import audit_entry, audit_log
from crawljobs.repository.queue import job_reads

ATTEMPTS_SHOWN = 100
AUDIT_ENTRIES_SHOWN = 50


def found(conn: Connection, job_id: int) -> Job:
    """Return the job. Raises a Problem if it does not exist."""
    job = job_reads.get_job(conn, job_id=job_id)
    if job is None:
        raise enqueueing.no_such_job(job_id)
    return job


def detail_of(conn: Connection, job: Job) -> JobDetail:
    """Return the job with its attempts, changes and steps.

    Without the scope `audit`, the fields about the origin of a change are null.
    """
    # The list has a limited length. With refused requests in the list, the job's changes might not
    # fit. So the list has changes only.
    of_job = audit_log.AuditFilter(
        resource_type="crawl_job", resource_id=str(job.id), changes_only=True
    )
    entries = audit_log.list_entries(conn, filters=of_job, limit=AUDIT_ENTRIES_SHOWN).entries
    if Scope.AUDIT not in auth.current_identity().scopes:
        entries = [audit_entry.without_origin(entry) for entry in entries]
    related = related_steps.of_job(conn, job_id=job.id)
    return JobDetail(
        **vars(job),
        attempts=job_reads.list_attempts(conn, job_id=job.id, limit=ATTEMPTS_SHOWN),
        audit_log=entries,
        steps=related.shown,
        steps_total=related.total,
    )
