"""Aging continues after the last job of a chunk, and raises each job at exact times."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.repository.queue.maintenance import job_aging
from crawljobs.repository.queue.maintenance.job_aging import Aged, AgedUpTo
from support import jobs
from support.jobs import T0
from support.sweep_cases import AGING

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def age(conn: Connection, beyond: AgedUpTo | None = None, at_most: int = 1, skip: int = 0) -> Aged:
    return job_aging.age_starved_jobs(
        conn, policy=AGING, beyond=beyond, at_most=at_most, skip=skip, now=T0
    )


def test_aging_goes_on_after_the_last_job_of_the_chunk_before(conn: Connection) -> None:
    waits = {"b": 3 * HOUR, "c": 3 * HOUR, "a": 4 * HOUR, "d": 2 * HOUR}
    made = {f"sub_{name}": (waited, jobs.enqueue(conn, f"sub_{name}", now=T0 - waited))
            for name, waited in waits.items()}  # fmt: skip
    beyond = None
    for name in ("sub_a", "sub_b", "sub_c", "sub_d"):
        waited, job_id = made[name]
        aged = age(conn, beyond)
        assert aged == Aged(jobs=1, last=AgedUpTo(T0 - waited, job_id))
        beyond = aged.last
    assert age(conn, beyond) == Aged(jobs=0, last=beyond)
    conn.execute(text("UPDATE crawl_jobs SET priority = 50"))
    aged = age(conn, at_most=3)
    assert aged == Aged(jobs=3, last=AgedUpTo(T0 - 3 * HOUR, made["sub_c"][1]))
    conn.execute(text("UPDATE crawl_jobs SET priority = 50"))
    assert age(conn, aged.last, at_most=3).jobs == 1
    conn.execute(text("UPDATE crawl_jobs SET priority = 50"))
    assert age(conn, skip=1).last == AgedUpTo(T0 - 3 * HOUR, made["sub_b"][1])


@pytest.mark.parametrize(
    ("waited", "priority"),
    [
        (HOUR, 50),
        (HOUR + timedelta(seconds=1), 60),
        (HOUR + 5 * MINUTE - timedelta(seconds=1), 60),
        (HOUR + 5 * MINUTE, 70),
        (HOUR + 19 * MINUTE, 90),
        (9 * HOUR, 95),  # its ceiling
    ],
)
def test_a_job_rises_by_a_step_after_an_hour_and_then_every_five_minutes(
    conn: Connection, waited: timedelta, priority: int
) -> None:
    job_id = jobs.enqueue(conn, now=T0 - waited)
    conn.execute(text("UPDATE crawl_jobs SET priority_ceiling = 95"))
    age(conn, at_most=10)
    assert jobs.job(conn, job_id).priority == priority
