"""The SQL conditions on the ends of jobs and steps agree with the rules of domain/group.py."""

import itertools
from typing import Any

from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.group import JobState, RequiredOutcome, StepEnd, end_of_job, end_of_step
from crawljobs.domain.job import JobStatus
from crawljobs.repository.groups.end_conditions import END_OF_JOB, END_OF_STEP, JOB_HAS_ENDED

OUTCOMES = (None, "crawled", "banned", "no_budget")
COMPARED = text(f"""
    SELECT {JOB_HAS_ENDED} AS has_ended, {END_OF_JOB} AS of_job, {END_OF_STEP} AS of_step
    FROM (VALUES (
            CAST(:job_id AS bigint), CAST(:status AS text), CAST(:outcome AS text),
            CAST(:incomplete AS boolean)
        )) AS job (id, status, outcome, incomplete),
        (VALUES (CAST(:required AS text))) AS step (require_outcome)
    """)


def compared(conn: Connection, job: JobState, required: RequiredOutcome) -> Any:
    values = {
        "job_id": None if job.status is None else job.job_id,
        "status": job.status,
        "outcome": job.outcome,
        "incomplete": job.incomplete,
        "required": required,
    }
    return conn.execute(COMPARED, values).one()


def state_of(end: StepEnd | None) -> str | None:
    return None if end is None else end.state.value


def test_sql_and_domain_agree_about_the_end_of_each_job_and_step(conn: Connection) -> None:
    """If they did not, each look at an ended step would open its finished group again."""
    for status, outcome, incomplete, required in itertools.product(
        JobStatus, OUTCOMES, (False, True), RequiredOutcome
    ):
        job = JobState(7, status, outcome, incomplete)
        found = compared(conn, job, required)
        assert found.has_ended == (end_of_job(job) is not None), job
        assert found.of_job == state_of(end_of_job(job)), job
        assert found.of_step == state_of(end_of_step(job, required)), (job, required)
    deleted = JobState(7, None)
    assert compared(conn, deleted, RequiredOutcome.ANY).has_ended
    assert end_of_job(deleted) is not None
