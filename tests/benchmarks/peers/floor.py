"""The floor: the speed of pgbench with the same claim and completion statements as production.

The statements are recorded from the production code, so they are always current. A query around the
claim stores the returned ids in a variable of pgbench.
"""

import contextlib
import re
import subprocess
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import psycopg
from psycopg import sql

from benchmarks.harness import Bench
from benchmarks.peers import processes
from benchmarks.peers.candidates import CRAWLJOBS
from benchmarks.peers.workloads import Sizes
from crawljobs.db.database import Connection, Database
from crawljobs.domain import completion
from crawljobs.domain.claim import Claim
from crawljobs.domain.job import JobSource
from crawljobs.repository.queue import job_claim, job_completion
from support import enqueueing

NAME = "floor (pgbench)"
BATCH = 200  # jobs per claim and per completion: the maximum that a worker's settings allow
LEASE_SECONDS = 30
PGBENCH_SECONDS = 600
WORKER = "pgbench"
KEPT = "SELECT count(*) FROM crawl_job_attempts WHERE outcome = 'succeeded'"
LEAST_SHARE = 0.9
# The token of a claim, computed from a number, because variables of pgbench are numbers.
TOKEN = "CAST(lpad(to_hex(CAST(:token AS bigint)), 32, '0') AS uuid)"
COUNT = "cardinality(CAST(:ids AS bigint[]))"


@dataclass(frozen=True)
class Sent:
    """A statement as the driver received it, with its parameters by name."""

    statement: str
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Script:
    text: str

    @staticmethod
    def of_production(url: str) -> "Script":
        """Record a claim and a completion in the migrated database `url`, and roll them back."""
        sent: list[Sent] = []

        class Noting(psycopg.Cursor[Any]):
            def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
                sent.append(Sent(query.decode(), dict(params)))
                return super().execute(query, params, **options)

        with (
            contextlib.closing(Database(url, pool_size=1)) as database,
            database.begin() as conn,
            psycopg.connect(url) as plain,
        ):
            enqueueing.enqueue_many(
                conn, subreddits_named=["first", "second"], priority=100, source=JobSource.USER
            )
            driver = cast("psycopg.Connection[Any]", conn.connection.driver_connection)
            driver.cursor_factory = Noting
            claimed = claim(conn, at_most=2)
            job_completion.complete_claims(
                conn, completions=[completion.completed(one, "crawled") for one in claimed]
            )
            driver.cursor_factory = psycopg.Cursor
            conn.rollback()
            assert len(sent) == 2, [one.statement for one in sent]
            claiming, completing = (rendered(plain, one, claimed) for one in sent)
        return Script(
            "\\set token random(0, 4611686018427387904)\n"
            f"WITH claimed AS ({claiming})\n"
            "SELECT coalesce(array_agg(id), '{}') AS ids FROM claimed \\gset\n"
            f"{completing};\n"
        )


def claim(conn: Connection, *, at_most: int) -> list[Claim]:
    return job_claim.claim_jobs(
        conn,
        worker=WORKER,
        claim_token=uuid.uuid4(),
        at_most=at_most,
        lease_seconds=LEASE_SECONDS,
    )


def rendered(connection: "psycopg.Connection[Any]", sent: Sent, claimed: list[Claim]) -> str:
    """Return a statement for pgbench: constants are literals, and claims are pgbench's variables.

    Raises AssertionError for an unknown parameter.
    """
    ids = f"{{{','.join(str(one.job_id) for one in claimed)}}}"
    tokens = f"{{{','.join(one.claim_token.hex for one in claimed)}}}"

    def value(match: re.Match[str]) -> str:
        name = match[1]
        given = sent.parameters[name]
        if name == "claim_token":
            return TOKEN
        if name == "at_most":
            return str(BATCH)
        if given == ids:
            return ":ids"
        if given == tokens:
            return f"array_fill({TOKEN}, ARRAY[{COUNT}])"
        if isinstance(given, list):
            assert len(given) == len(claimed) and len(set(given)) == 1, name
            repeated = sql.Literal(given[0]).as_string(connection)
            return f"array_fill(CAST({repeated} AS text), ARRAY[{COUNT}])"
        return sql.Literal(given).as_string(connection)

    plain = re.sub(r"%\((\w+)\)s(?:::[\w ]+(?:\[\])?)?", value, sent.statement)
    return plain.replace("%%", "%")


def drain(bench: Bench, *, jobs: int, clients: int, others: int = 0) -> float:
    """Return the completed jobs per second, from the first claim to the last completion."""
    with bench.empty_database("floor") as url:
        processes.ask(CRAWLJOBS, "prepare", url)
        processes.ask(CRAWLJOBS, "bulk", url, 0, jobs, "wanted")
        if others:
            processes.ask(CRAWLJOBS, "bulk", url, jobs, others, "behind")
        script = Script.of_production(url)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")
            turns = jobs // (BATCH * clients)
            turns_a_second = pgbench(bench, url, script, clients=clients, turns=turns)
            (kept,) = connection.execute(KEPT).fetchone() or (0,)
    # Concurrent claims skip each other's locked rows, so a claim may return less than a batch.
    assert jobs * LEAST_SHARE <= kept <= jobs, kept
    return float(kept / (turns * clients / turns_a_second))


def pgbench(bench: Bench, url: str, script: Script, *, clients: int, turns: int) -> float:
    """Return the executed scripts per second, without the time to connect."""
    done = subprocess.run(
        [
            str(bench.programs / "pgbench"),
            *("--no-vacuum", "--protocol=prepared", "--file=/dev/stdin"),
            *(f"--client={clients}", f"--jobs={clients}", f"--transactions={turns}", url),
        ],
        input=script.text,
        capture_output=True,
        text=True,
        timeout=PGBENCH_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = re.search(
        r"^tps = ([\d.]+) \(without initial connection time\)", done.stdout, re.MULTILINE
    )
    assert found, done.stdout
    return float(found[1])


WORKLOADS: dict[str, Callable[[Bench, Sizes], dict[str, float]]] = {
    "drain": lambda bench, sizes: {
        "drain, one process": drain(bench, jobs=sizes.drained, clients=1)
    },
    "drain_by_four": lambda bench, sizes: {
        "drain, four processes": drain(bench, jobs=sizes.drained, clients=4)
    },
    "drain_before_others": lambda bench, sizes: {
        "drain before others": drain(bench, jobs=sizes.drained, clients=1, others=sizes.others)
    },
}
