"""Pruning deletes finished jobs in pieces, with all their attempts."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.repository.queue.maintenance import job_pruning
from crawljobs.repository.queue.maintenance.job_pruning import Pruned
from support import jobs
from support.jobs import T0

DAY = timedelta(days=1)


def finished(conn: Connection, name: str, ago: timedelta, attempts: int) -> int:
    job_id = jobs.enqueue(conn, name)
    conn.execute(
        text("UPDATE crawl_jobs SET status = 'failed', finished_at = :at WHERE id = :id"),
        {"at": T0 - ago, "id": job_id},
    )
    conn.execute(
        text(
            "INSERT INTO crawl_job_attempts (job_id, worker, started_at, ended_at, outcome) "
            "SELECT :id, 'w', :at, :at, 'failed' FROM generate_series(1, :attempts)"
        ),
        {"id": job_id, "at": T0 - ago, "attempts": attempts},
    )
    return job_id


def prune(conn: Connection, at_most: int, skip: int = 0) -> Pruned:
    return job_pruning.prune_finished_jobs(conn, retention=DAY, at_most=at_most, skip=skip, now=T0)


@pytest.mark.parametrize(
    ("attempts", "at_most", "pieces"),
    [
        # A piece ends at a job whose attempts do not all fit. The next piece goes on with them.
        (
            [2, 1, 3],
            2,
            [Pruned(1, 2, more=True), Pruned(1, 2, more=True), Pruned(1, 2, more=True)],
        ),
        ([0, 0, 0], 2, [Pruned(2, 0, more=True), Pruned(1, 0, more=False)]),
        ([1, 1], 2, [Pruned(2, 2, more=True)]),
        ([5], 2, [Pruned(0, 2, more=True), Pruned(0, 2, more=True), Pruned(1, 1, more=False)]),
        ([1, 0, 1], 9, [Pruned(3, 2, more=False)]),
        ([], 1, []),
    ],
)
def test_a_piece_deletes_few_jobs_and_few_attempts(
    conn: Connection, attempts: list[int], at_most: int, pieces: list[Pruned]
) -> None:
    for number, count in enumerate(attempts):
        finished(conn, f"sub{number}", (9 - number) * DAY, count)
    kept = finished(conn, "young", DAY, 1)
    assert [prune(conn, at_most) for _ in pieces] == pieces
    assert prune(conn, at_most) == Pruned(0, 0, more=False)
    for column, table in (("id", "crawl_jobs"), ("job_id", "crawl_job_attempts")):
        assert conn.execute(text(f"SELECT {column} FROM {table}")).scalars().all() == [kept]


def test_pruning_skips_jobs_that_cannot_be_deleted(conn: Connection) -> None:
    made = [finished(conn, f"sub{n}", (9 - n) * DAY, 1) for n in range(4)]
    assert prune(conn, at_most=1, skip=2).jobs == 1
    left = conn.execute(text("SELECT id FROM crawl_jobs ORDER BY id")).scalars().all()
    assert left == [made[0], made[1], made[3]]
