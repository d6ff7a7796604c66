"""Rules of groups and steps, as SQL queries for the rows that violate them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.group import StepState

# A trigger records each change of a step's state, also two changes in one transaction, and each
# start of a step whose waits do not allow it.
RECORD_STEPS = """
    CREATE TABLE recorded_steps (
        id bigint GENERATED ALWAYS AS IDENTITY, step_id bigint, was text, is_now text,
        wrong_start boolean);
    CREATE FUNCTION record_step() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO recorded_steps (step_id, was, is_now, wrong_start)
        SELECT NEW.id, OLD.state, NEW.state,
            OLD.state = 'pending' AND NEW.state = 'enqueued' AND EXISTS (
                SELECT FROM step_waits WHERE step_id = NEW.id AND (
                    ended_at IS NULL OR state <> 'succeeded' AND NOT NEW.proceeds
                        AND NEW.on_upstream_failure <> 'proceed'));
        RETURN NULL;
    END $$;
    CREATE TRIGGER record_step AFTER UPDATE OF state ON group_steps
        FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION record_step();
"""
HISTORY = "SELECT DISTINCT was, is_now FROM recorded_steps"

_JOB_FINAL = "(job.id IS NULL OR job.status IN ('succeeded', 'failed', 'cancelled'))"
_COUNTED = ", ".join(f"('{state}', job_group.{state})" for state in StepState)
_END_OF_UPSTREAM = """
    FROM step_waits AS wait JOIN group_steps AS step ON step.id = wait.step_id
        JOIN group_steps AS upstream ON upstream.id = wait.upstream_step_id"""

# Hold after each transaction.
ALWAYS = {
    "counts = recount": f"""
        SELECT job_group.id, counted.state, counted.steps FROM job_groups AS job_group
            CROSS JOIN LATERAL (VALUES {_COUNTED}) AS counted (state, steps)
        WHERE counted.steps <> (
            SELECT count(*) FROM group_steps
            WHERE group_id = job_group.id AND state = counted.state)""",
    "waiting_for = the number of open waits": """
        SELECT id, key, waiting_for FROM group_steps AS step WHERE waiting_for <> (
            SELECT count(*) FROM step_waits WHERE step_id = step.id AND ended_at IS NULL)""",
    "finished exactly when sealed and without open steps": """
        SELECT id, sealed_at, finished_at FROM job_groups
        WHERE (finished_at IS NOT NULL) <>
            (sealed_at IS NOT NULL AND pending + enqueued + held = 0)""",
    "one finish for each generation": """
        SELECT job_group.id, generation, finished_at FROM job_groups AS job_group
        WHERE generation - (CASE WHEN finished_at IS NULL THEN 1 ELSE 0 END) <> (
                SELECT count(*) FROM group_finishes WHERE group_id = job_group.id)
            OR generation < (
                SELECT max(generation) FROM group_finishes WHERE group_id = job_group.id)""",
    "a group is in the line exactly when a step can start": """
        SELECT id, ready_at, paused_at, cancelled_at FROM job_groups AS job_group
        WHERE (ready_at IS NOT NULL) <> (
            paused_at IS NULL AND cancelled_at IS NULL AND EXISTS (
                SELECT FROM group_steps
                WHERE group_id = job_group.id AND state = 'pending' AND waiting_for = 0))""",
}
WRONG_STARTS = "SELECT step_id FROM recorded_steps WHERE wrong_start"
# Hold when the resolver has nothing left to do.
SETTLED = {
    "no change is left": "SELECT * FROM upstream_changes",
    "a pending step waits, unless its group is paused or cancelled": """
        SELECT step.id FROM group_steps AS step JOIN job_groups AS g ON g.id = group_id
        WHERE state = 'pending' AND waiting_for = 0 AND paused_at IS NULL
            AND cancelled_at IS NULL""",
    "a step is enqueued exactly while its job is live": f"""
        SELECT step.id, step.state, job.status FROM group_steps AS step
            LEFT JOIN crawl_jobs AS job ON job.id = step.job_id
        WHERE (step.state = 'enqueued') = {_JOB_FINAL} AND step.job_id IS NOT NULL
            AND (step.state = 'enqueued' OR job.id IS NOT NULL)""",
    "a final step has the end of its job": """
        SELECT step.id, step.state, job.status, job.outcome, job.incomplete, step.require_outcome
        FROM group_steps AS step JOIN crawl_jobs AS job ON job.id = step.job_id
        WHERE step.state <> 'enqueued' AND step.state <> CASE
            WHEN job.status <> 'succeeded' THEN job.status
            WHEN step.require_outcome = 'any' THEN 'succeeded'
            WHEN job.outcome <> 'crawled' THEN 'failed'
            WHEN step.require_outcome = 'complete' AND job.incomplete THEN 'failed'
            ELSE 'succeeded' END""",
    "an open wait has an open upstream": f"""
        SELECT wait.id {_END_OF_UPSTREAM}
        WHERE wait.ended_at IS NULL AND upstream.state IN
            ('succeeded', 'failed', 'cancelled', 'skipped')
        UNION ALL
        SELECT wait.id FROM step_waits AS wait
            LEFT JOIN crawl_jobs AS job ON job.id = wait.upstream_job_id
        WHERE wait.upstream_job_id IS NOT NULL AND wait.ended_at IS NULL AND {_JOB_FINAL}
        UNION ALL
        SELECT wait.id FROM step_waits AS wait JOIN group_steps AS step ON step.id = wait.step_id
            JOIN job_groups AS job_group ON job_group.id = wait.upstream_group_id
        WHERE wait.ended_at IS NULL AND step.group_id <> job_group.id
            AND job_group.finished_at IS NOT NULL""",
    "an ended wait of a step that has not run has the present end of its upstream": f"""
        SELECT wait.id, wait.state, upstream.state, step.state {_END_OF_UPSTREAM}
            JOIN job_groups AS job_group ON job_group.id = step.group_id
        WHERE wait.state <> upstream.state AND (step.state IN ('pending', 'held') OR
            step.state = 'skipped' AND step.skipped_for_upstream
                AND job_group.cancelled_at IS NULL)""",
    "a step is skipped for an upstream only if one did not succeed": """
        SELECT step.id FROM group_steps AS step JOIN job_groups AS g ON g.id = step.group_id
        WHERE step.skipped_for_upstream AND g.cancelled_at IS NULL
            AND (step.state <> 'skipped' OR NOT EXISTS (
                SELECT FROM step_waits WHERE step_id = step.id AND state <> 'succeeded'))""",
    # An operation that cancels a group in chunks cancels the waiting step itself.
    "a step that waits for all others waits exactly while one of them is open": """
        SELECT wait.id, wait.state FROM step_waits AS wait
            JOIN group_steps AS step ON step.id = wait.step_id
            JOIN job_groups AS g ON g.id = step.group_id
        WHERE wait.upstream_group_id = step.group_id AND step.state = 'pending'
            AND g.cancelled_at IS NULL
            AND (wait.ended_at IS NOT NULL) <> (g.sealed_at IS NOT NULL AND NOT EXISTS (
                SELECT FROM group_steps AS other WHERE other.group_id = g.id
                    AND other.id <> step.id AND other.state IN ('pending', 'enqueued', 'held')))""",
}


def violations(
    conn: Connection, rules: Mapping[str, str] = ALWAYS
) -> list[tuple[str, tuple[Any, ...]]]:
    """Return the violated rules, each with a row that violates it."""
    return [
        (name, tuple(row)) for name, query in rules.items() for row in conn.execute(text(query))
    ]
