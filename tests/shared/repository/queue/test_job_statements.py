"""The statement of an operator's verb changes only jobs whose state allows the verb.

The code checks a job's state before it runs the statement. The statement must check the state too,
because another transaction may change it in between.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.job import PRIORITY_MAX, JobStatus
from crawljobs.domain.operator_verbs import ALLOWED, Verb
from crawljobs.repository.queue import operator_change_sql as sql
from support import jobs
from support.jobs import T0

VALUES: dict[Verb, dict[str, Any]] = {
    Verb.BOOST: {"points": 5},
    Verb.CHANGE_PRIORITY: {"points": 55},
    Verb.WAKE: {"now": T0},
    Verb.RETRY: {"now": T0, "new_traceparent": None, "actor": None},
    Verb.CANCEL: {"now": T0, "actor": None},
    Verb.GIVE_UP: {"now": T0, "actor": None},
    Verb.DELETE: {"actor": None},
}


def in_each_status(conn: Connection, *prefixes: str) -> Iterator[dict[JobStatus, int]]:
    """Yield, for each prefix, one job in each status."""
    # Queued jobs are made last, because a claim for another status would take them.
    in_turn = sorted(JobStatus, key=lambda status: status is JobStatus.QUEUED)
    made = {
        (status, prefix): jobs.in_status(conn, status, f"{prefix}_{status}")
        for status in in_turn
        for prefix in prefixes
    }
    for prefix in prefixes:
        yield {status: made[status, prefix] for status in in_turn}


def rows(conn: Connection) -> dict[int, Any]:
    return {
        row.id: tuple(row)
        for row in conn.execute(text("SELECT *, ctid::text FROM crawl_jobs ORDER BY id"))
    }


def attempts(conn: Connection) -> dict[int, int]:
    found = conn.execute(
        text("SELECT job_id, count(*) AS attempts FROM crawl_job_attempts GROUP BY job_id")
    )
    return {row.job_id: row.attempts for row in found}


def changed(before: dict[int, Any], after: dict[int, Any]) -> set[int]:
    return {job_id for job_id in before if before[job_id] != after.get(job_id)}


@pytest.mark.parametrize("verb", list(Verb))
def test_a_verb_changes_the_chosen_jobs_whose_state_allows_it(conn: Connection, verb: Verb) -> None:
    chosen, _ = in_each_status(conn, "chosen", "other")
    before, tried = rows(conn), attempts(conn)
    conn.execute(sql.STATEMENTS[verb], {"ids": [*chosen.values()], **VALUES[verb]})
    allowed = {chosen[status] for status in ALLOWED[verb]}
    assert changed(before, rows(conn)) == allowed
    expected = tried
    if verb is Verb.DELETE:
        expected = {job_id: count for job_id, count in tried.items() if job_id not in allowed}
    elif verb in (Verb.CANCEL, Verb.GIVE_UP):  # the crawl that the verb ends becomes an attempt
        expected = tried | {chosen[JobStatus.CRAWLING]: 1}
    assert attempts(conn) == expected


@pytest.mark.parametrize(
    ("verb", "points", "priority", "base", "is_changed"),
    [
        (Verb.BOOST, 5, 50, 50, True),
        (Verb.BOOST, 5, PRIORITY_MAX, 50, True),  # aging has raised the priority to the maximum
        (Verb.BOOST, 5, PRIORITY_MAX, PRIORITY_MAX, False),
        (Verb.CHANGE_PRIORITY, 50, 50, 50, False),
        (Verb.CHANGE_PRIORITY, 50, 70, 50, True),
        (Verb.CHANGE_PRIORITY, 50, 50, 20, True),
        (Verb.CHANGE_PRIORITY, 50, 70, 20, True),
    ],
)
def test_a_job_that_has_the_values_already_is_not_written(
    conn: Connection, verb: Verb, points: int, priority: int, base: int, *, is_changed: bool
) -> None:
    job_id = jobs.enqueue(conn, priority=base)
    conn.execute(
        text("UPDATE crawl_jobs SET priority = :p WHERE id = :id"), {"p": priority, "id": job_id}
    )
    before = rows(conn)
    conn.execute(sql.STATEMENTS[verb], {"ids": [job_id], "points": points})
    assert (changed(before, rows(conn)) == {job_id}) is is_changed
