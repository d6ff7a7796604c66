"""Measure the admin-api on a database with a million jobs.

The figures are the duration and the rate of reads, and the duration of bulk changes while a worker
claims jobs.
"""

import http.client
import json
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg

from benchmarks import crowd
from benchmarks.harness import Bench, Figure, percentile
from crawljobs.db.database import Connection, Database
from crawljobs.domain import completion
from crawljobs.domain.claim import Claim
from crawljobs.repository.queue import job_claim, job_completion
from support.admin_api import TOKEN, Gunicorn, start_gunicorn

JOBS = "/api/admin/jobs"
FINISHED, FINISHED_QUICK = 980_000, 50_000
REQUESTS, REQUESTS_QUICK = 100, 20
ENQUEUES_TO_WARM_UP = 40  # after these, each process has prepared its statements
CONNECTIONS = 16
LOAD_SECONDS, LOAD_SECONDS_QUICK = 5.0, 1.0
RETRIED, RETRIED_QUICK, ROUNDS = 1_000, 200, 3
AT_MOST_MS = 50.0
READS_WANTED = 400

READS: dict[str, list[str]] = {
    "list": [JOBS, f"{JOBS}?sort=-finished_at", f"{JOBS}?sort=-priority"],
    "filter": [
        f"{JOBS}?status=failed&status=cancelled",
        f"{JOBS}?status=failed&error=page%205000",
        f"{JOBS}?priority_min=60&source=user",
        f"{JOBS}?subreddit=crowd_77",
        f"{JOBS}?finished_after=2020-01-01T00:00:00Z&status=failed&sort=-finished_at",
    ],
    "nothing found": [f"{JOBS}?error=no%20such%20text", f"{JOBS}?worker=nobody"],
    "stats": [f"{JOBS}/stats"],
    "explain": [f"{JOBS}/{{live}}/explain"],
    "job": [f"{JOBS}/{{live}}", f"{JOBS}/1"],
}
# The requests of a dashboard and its users.
MIX = [f"{JOBS}/{{live}}", f"{JOBS}/1", f"{JOBS}?limit=20", f"{JOBS}/{{live}}/explain"]


class Client:
    """A client with one open connection. It is simple, so that it uses less CPU than the server."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
        self._headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}

    def ask(self, method: str, path: str, body: object = None) -> bytes:
        sent = None if body is None else json.dumps(body)
        self._connection.request(method, path, sent, self._headers)
        response = self._connection.getresponse()
        answer = response.read()
        assert response.status in (200, 201, 207), (path, response.status, answer[:300])
        return answer


def measure(bench: Bench) -> list[Figure]:
    finished = FINISHED_QUICK if bench.quick else FINISHED
    with (
        bench.database("admin_api") as url,
        tempfile.TemporaryDirectory(prefix="crawljobs-bench-") as folder,
    ):
        crowd.fill(url, finished=finished)
        server = start_gunicorn(Path(folder), url, ADMIN_API_WORKERS="2", LOG_LEVEL="WARNING")
        try:
            return list(_figures(bench, server, url))
        finally:
            server.stop()


def _figures(bench: Bench, server: Gunicorn, url: str) -> Iterator[Figure]:
    live = _live_job(url)
    client = Client(server.url)
    for path in MIX * 20:  # a warm-up: statements are prepared and caches are filled
        client.ask("GET", path.format(live=live))
    for name, paths in READS.items():
        turns = REQUESTS_QUICK if bench.quick else REQUESTS
        asked = [path.format(live=live) for path in paths] * turns
        took = [_timed(lambda path=path: client.ask("GET", path)) for path in asked]
        yield Figure(f"{name}, p95", 1000 * percentile(took, 0.95), "ms", AT_MOST_MS)
    yield from _enqueues(client, server, url, REQUESTS_QUICK if bench.quick else REQUESTS)
    spent = _cpu_seconds(server, url)
    seconds = LOAD_SECONDS_QUICK if bench.quick else LOAD_SECONDS
    rate = _reads_per_second(server.url, live, seconds)
    spent = _cpu_seconds(server, url) - spent
    # From this figure follows the rate of reads on a machine without other work.
    yield Figure("CPU for a read, of server and database", 1000 * spent / (rate * seconds), "ms")
    yield Figure(f"reads at {CONNECTIONS} connections", rate, "per s")
    yield Figure(f"time that {READS_WANTED} of them take", READS_WANTED / rate, "s", 1.0)
    retried = RETRIED_QUICK if bench.quick else RETRIED
    portions = _failed(url, retried)
    # A new client, because the server has closed the idle connection of the first client.
    retries, claimed = _retry_beside_claims(Client(server.url), url, portions)
    yield Figure(f"retry of {retried} jobs, the slowest", 1000 * max(retries), "ms", 500.0)
    yield Figure("claim meanwhile, the slowest", 1000 * max(claimed), "ms", 100.0)


def _enqueues(client: Client, server: Gunicorn, url: str, requests: int) -> Iterator[Figure]:
    """Measure enqueues with their audit rows.

    Each name is enqueued twice. The second request merges into the live job.
    """

    def enqueue(name: str) -> float:
        return _timed(lambda: client.ask("POST", JOBS, {"subreddit": name}))

    for number in range(ENQUEUES_TO_WARM_UP):
        enqueue(f"warm_{number}")
    spent = _cpu_seconds(server, url)
    took = [enqueue(f"new_{number}") for number in range(requests) for _ in range(2)]
    spent = _cpu_seconds(server, url) - spent
    yield Figure("enqueue, with its audit row, p95", 1000 * percentile(took, 0.95), "ms")
    yield Figure("CPU of an enqueue, of server and database", 1000 * spent / len(took), "ms")


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _live_job(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT id FROM crawl_jobs WHERE status = 'queued' ORDER BY priority LIMIT 1"
        ).fetchone()
    assert row is not None
    return int(row[0])


def _cpu_seconds(server: Gunicorn, url: str) -> float:
    """Return the CPU seconds of the server's processes and of their database sessions."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'admin-api'"
        ).fetchall()
    processes = [psutil.Process(int(row[0])) for row in rows]
    processes += psutil.Process(server.process.pid).children(recursive=True)
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def _reads_per_second(url: str, live: int, seconds: float) -> float:
    counts: list[int] = []
    until = time.perf_counter() + seconds

    def read() -> None:
        client, count = Client(url), 0
        while time.perf_counter() < until:
            client.ask("GET", MIX[count % len(MIX)].format(live=live))
            count += 1
        counts.append(count)

    threads = [threading.Thread(target=read) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(counts) == CONNECTIONS
    return sum(counts) / seconds


def _retry_beside_claims(
    client: Client, url: str, portions: list[list[int]]
) -> tuple[list[float], list[float]]:
    """Retry jobs in bulk while a worker claims jobs. Return the seconds of retries and claims."""
    database, over = Database(url), threading.Event()
    claimed: list[float] = []

    def claim(conn: Connection) -> list[Claim]:
        return job_claim.claim_jobs(
            conn, worker="bench", claim_token=uuid.uuid4(), at_most=8, lease_seconds=30
        )

    def work() -> None:
        while not over.is_set():
            began = time.perf_counter()
            found = database.run_statement(claim)
            claimed.append(time.perf_counter() - began)
            done = [completion.completed(one, "crawled") for one in found]
            database.run_statement(
                lambda conn, done=done: job_completion.complete_claims(conn, completions=done)
            )

    worker = threading.Thread(target=work)
    worker.start()
    try:
        retries = [
            _timed(lambda ids=ids: client.ask("POST", f"{JOBS}/bulk/retry", {"job_ids": ids}))
            for ids in portions
        ]
    finally:
        over.set()
        worker.join()
        database.close()
    return retries, claimed


def _failed(url: str, retried: int) -> list[list[int]]:
    """Return the ids of failed jobs whose subreddits have no live job: a list for each round."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            """
            SELECT DISTINCT ON (subreddit_id) id FROM crawl_jobs
            WHERE status = 'failed' AND subreddit_id > %s ORDER BY subreddit_id, id DESC LIMIT %s
            """,
            [crowd.LIVE, retried * ROUNDS],
        ).fetchall()
    ids = [int(row[0]) for row in rows]
    assert len(ids) == retried * ROUNDS, "too few have failed for what is to be measured"
    return [ids[at : at + retried] for at in range(0, len(ids), retried)]
