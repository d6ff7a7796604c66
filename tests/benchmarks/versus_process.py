"""Print the cost of jobs in the checkout that PYTHONPATH names, as a line of JSON.

versus.py runs this file for two checkouts in turn. So it uses only what an earlier release has too.
"""

import contextlib
import json
import sys
from typing import Any

import psycopg

from benchmarks import drain, job_cost
from benchmarks.harness import Bench, private_server
from crawljobs.db.database import Database

PROCESSES = 4


def main() -> None:
    jobs = int(sys.argv[1])
    with private_server(quick=False) as bench:
        measured = {"drain": drain.drain(bench, jobs=jobs, processes=PROCESSES).jobs_per_second}
        measured |= cost(bench, jobs)
    sys.stdout.write(json.dumps(measured) + "\n")


def cost(bench: Bench, jobs: int) -> dict[str, float]:
    """Return the bytes of WAL of a job, and the statements of all jobs, from enqueue to end."""
    sent = 0
    execute = psycopg.Cursor.execute

    def counted(cursor: Any, *arguments: Any, **options: Any) -> Any:
        nonlocal sent
        sent += 1
        return execute(cursor, *arguments, **options)

    psycopg.Cursor.execute = counted  # type: ignore[assignment,method-assign]
    with (
        bench.database("cost") as url,
        contextlib.closing(Database(url, pool_size=1)) as database,
    ):
        before, sent = job_cost.wal(database), 0
        for at in range(0, jobs, job_cost.CHUNK):
            database.run(lambda conn, at=at: job_cost.enqueue(conn, at))
        while database.run(job_cost.claim_and_complete):
            pass
        return {"statements": sent, "WAL": (job_cost.wal(database) - before) / jobs}


if __name__ == "__main__":
    main()
