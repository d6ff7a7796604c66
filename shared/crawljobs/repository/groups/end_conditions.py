"""Conditions on the states of jobs and steps, as SQL text that is built from the enums."""

from __future__ import annotations

from collections.abc import Iterable

from crawljobs.domain import group, job


def _among(values: Iterable[str]) -> str:
    return f"({', '.join(repr(str(value)) for value in sorted(values))})"


# A job that was deleted has ended too. The alias of the job is `job`.
JOB_HAS_ENDED = f"(job.id IS NULL OR job.status IN {_among(job.FINAL)})"
# The final state of the job `job`, which is also the end of each wait for the job. Null if the job
# is live or deleted. Same rule as domain.group.end_of_job, except for deleted jobs.
END_OF_JOB = f"CASE WHEN job.status IN {_among(job.FINAL)} THEN job.status END"
# The final state of the step `step`, which follows the job `job`, or null while the job is live.
# Same rule as domain.group.end_of_step, but the job must not be deleted.
END_OF_STEP = f"""CASE
        WHEN job.status <> '{job.JobStatus.SUCCEEDED}' THEN {END_OF_JOB}
        WHEN step.require_outcome = '{group.RequiredOutcome.ANY}' THEN job.status
        WHEN job.outcome = 'crawled' AND NOT (
            step.require_outcome = '{group.RequiredOutcome.COMPLETE}' AND job.incomplete
        ) THEN job.status
        ELSE '{group.StepState.FAILED}'
    END"""
FINAL_STEPS = _among(group.FINAL)
OPEN_STEPS = _among(group.OPEN)
UNSUCCESSFUL_STEPS = _among(group.FINAL - {group.StepState.SUCCEEDED})
