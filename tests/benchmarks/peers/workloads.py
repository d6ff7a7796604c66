"""Measure one round of each workload for one candidate, on a new database."""

import contextlib
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg
from psycopg import sql

from benchmarks.harness import Bench, percentile
from benchmarks.peers import processes
from benchmarks.peers.candidates import Candidate
from benchmarks.peers.processes import Running
from support.waiting import wait_until

SETTLED_LOOKS = 20  # this number of equal checks in a row proves that all workers wait
GATE_SECONDS = 60
DRAIN_SECONDS = 600
QUERY_SECONDS = 120


@dataclass(frozen=True)
class Sizes:
    one_by_one: int = 2_000
    bulk: int = 50_000
    drained: int = 100_000
    drained_slow: int = 20_000
    others: int = 200_000
    pings: int = 100


QUICK = Sizes(one_by_one=500, bulk=20_000, drained=20_000, drained_slow=2_000, pings=40)


@dataclass(frozen=True)
class Round:
    """One round of one candidate. Each workload returns its values by the figure's name."""

    bench: Bench
    candidate: Candidate
    sizes: Sizes

    def one_by_one(self) -> dict[str, float]:
        with self._database() as url:
            told = processes.ask(self.candidate, "one", url, self.sizes.one_by_one)
            return {"enqueue one by one": self.sizes.one_by_one / told["seconds"]}

    def bulk(self) -> dict[str, float]:
        with self._database() as url:
            return {"enqueue in bulk": self.sizes.bulk / self._fill(url, self.sizes.bulk)}

    def drain(self) -> dict[str, float]:
        return {"drain, one process": self._drained(1)}

    def drain_by_four(self) -> dict[str, float]:
        return {"drain, four processes": self._drained(4)}

    def drain_before_others(self) -> dict[str, float]:
        if not self.candidate.drains_behind_others:
            return {}
        return {"drain before others": self._drained(1, others=self.sizes.others)}

    def latency(self) -> dict[str, float]:
        with self._database() as url, processes.running(self.candidate, "work", url, "tell") as at:
            seconds = self._pings(url, at)
        return {
            "idle to start, p50": 1000 * percentile(seconds, 0.5),
            "idle to start, p99": 1000 * percentile(seconds, 0.99),
        }

    @contextlib.contextmanager
    def _database(self) -> Iterator[str]:
        with self.bench.empty_database(f"compared_{secrets.token_hex(4)}") as url:
            processes.ask(self.candidate, "prepare", url)
            yield url

    def _fill(self, url: str, count: int, *, first: int = 0, manner: str = "wanted") -> float:
        told = processes.ask(self.candidate, "bulk", url, first, count, manner)
        return float(told["seconds"])

    def _pings(self, url: str, worker: Running) -> list[float]:
        with processes.running(self.candidate, "ping", url, self.sizes.pings + 2) as producer:
            seconds = []
            for _ in range(self.sizes.pings + 2):
                asked, begun = producer.next(), worker.next()
                assert asked["job"] == begun["job"], (asked, begun)
                seconds.append(begun["at"] - asked["asked_at"])
        return seconds[2:]  # the first two may have come before the worker was ready

    def _drained(self, workers: int, others: int = 0) -> float:
        """Return the jobs per second. Raises AssertionError if a job was lost or begun twice."""
        fast = self.candidate.jobs > self.sizes.drained_slow
        jobs = min(self.candidate.jobs, self.sizes.drained if fast else self.sizes.drained_slow)
        with self._database() as url, contextlib.ExitStack() as stack:
            self._fill(url, jobs)
            if others:
                self._fill(url, others, first=jobs, manner="behind")
            connection = stack.enter_context(psycopg.connect(url, autocommit=True))
            connection.execute(f"SET statement_timeout = '{QUERY_SECONDS}s'".encode())
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")
            with self._gate(connection):
                running = [
                    stack.enter_context(processes.running(self.candidate, "work", url, "count"))
                    for _ in range(workers)
                ]
                _wait_at_the_gate(self.bench.server_url, running)
                begun_at = time.monotonic()
            unfinished = self.candidate.unfinished.replace("{jobs}", str(jobs)).encode()
            wait_until(
                lambda: connection.execute(unfinished).fetchone() == (False,),
                timeout=DRAIN_SECONDS,
                describe="every wanted job to end",
            )
            seconds = time.monotonic() - begun_at
            self._check(connection, running, jobs)
        return jobs / seconds

    @contextlib.contextmanager
    def _gate(self, connection: "psycopg.Connection[object]") -> Iterator[None]:
        """Lock the table that claims use, so that the measurement starts when all workers wait."""
        table = sql.Identifier(*self.candidate.claims_from.split("."))
        with connection.transaction():
            connection.execute(sql.SQL("LOCK TABLE {} IN EXCLUSIVE MODE").format(table))
            yield

    def _check(
        self, connection: "psycopg.Connection[object]", running: list[Running], jobs: int
    ) -> None:
        begun: Counter[int] = Counter()
        for one in running:
            one.process.terminate()
            begun.update(one.next()["begun"])
        wanted = [begun[number] for number in range(jobs)]
        assert set(wanted) == {1}, f"lost: {wanted.count(0)}, twice: {jobs - wanted.count(1)}"
        if self.candidate.kept is not None:
            connection.execute(
                "ANALYZE"
            )  # otherwise the plan of a view may assume that its tables are empty
            row = connection.execute(self.candidate.kept.encode()).fetchone()
            assert row == (jobs,), row


WORKLOADS: dict[str, Callable[[Round], dict[str, float]]] = {
    "enqueue_one_by_one": Round.one_by_one,
    "enqueue_in_bulk": Round.bulk,
    "drain": Round.drain,
    "drain_by_four": Round.drain_by_four,
    "drain_before_others": Round.drain_before_others,
    "latency": Round.latency,
}


def _wait_at_the_gate(server_url: str, running: list[Running]) -> None:
    """Wait until each process has a waiting session and their number no longer changes."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        looks: list[int] = []

        def settled() -> bool:
            rows = connection.execute(
                "SELECT client_port FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            ).fetchall()
            waiting = {row[0] for row in rows}
            here = all(waiting & one.ports() for one in running)
            looks.append(len(waiting) if here else -1)
            last = looks[-SETTLED_LOOKS:]
            return here and len(last) == SETTLED_LOOKS and len(set(last)) == 1

        wait_until(settled, timeout=GATE_SECONDS, describe="every worker to wait at the gate")
