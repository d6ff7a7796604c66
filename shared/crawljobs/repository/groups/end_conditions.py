"""Conditions on the states of jobs and steps, as SQL text that is built from the enums."""

from __future__ import annotations

from collections.abc import Iterable

from crawljobs.domain import group, job


def _among(values: Iterable[str]) -> str:
    return f"({', '.join(repr(str(value)) for value in sorted(values))})"


# True if the job has ended. A deleted job has ended too. The SQL statement names the job `job`.
JOB_HAS_ENDED = f"(job.id IS NULL OR job.status IN {_among(job.FINAL)})"
# The final state of the job `job`. Each wait for the job ends with the same state. Null if the job
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
# If the upstream of an ended wait opens again, the wait opens again. If the upstream has ended
# again, with another state, the wait gets this state. Both happen only if the waiting step has not
# run:
#
# - The step is pending or held.
# - The step was skipped because of an upstream, and its group is not cancelled. In a cancelled
#   group, the step stays skipped: as a pending step, it would never start, and would keep the group
#   open. (`batches/lifted_cancels` ends the cancel of an unfinished group after a retry.)
# - The step was skipped because of an upstream, and its cancelled group has finished and now has an
#   open step. The same transaction opens the group again, and the cancel has no further effect.
MAY_REOPEN = f"""(
        step.state IN ('pending', 'held') OR step.state = 'skipped' AND step.skipped_for_upstream
            AND (
                SELECT cancelled_at IS NULL OR finished_at IS NOT NULL AND EXISTS (
                    SELECT FROM group_steps AS opened
                    WHERE opened.group_id = job_groups.id AND opened.state IN {OPEN_STEPS}
                )
                FROM job_groups WHERE id = step.group_id
            )
    )"""


def page_of_waits(column: str) -> str:
    """Return a subquery for the next waits whose upstream, in `column`, has the id `asked.id`.

    The waits come after the wait with the id `asked.after`. So several transactions, one after the
    other, can process the waits for one upstream, and each wait is read only once.
    """
    # With `column = asked.id ORDER BY id`, the planner could scan the whole primary key. With the
    # order `column, id`, it uses the index on these two columns.
    return f"""CROSS JOIN LATERAL (
            SELECT * FROM step_waits
            WHERE ({column}, id) > (asked.id, asked.after) AND {column} <= asked.id
            ORDER BY {column}, id LIMIT :at_most
        ) AS wait"""
