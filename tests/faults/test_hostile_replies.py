"""F29: hostile replies that could use up a worker's memory or time. The worker must survive."""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from crawljobs.db.database import Database
from crawljobs.domain.job import JobSource
from support import (
    enqueueing,
    hostile_reddit,
    hostile_replies,
    memory_limit,
    probes,
    scripted_server,
)
from support.crew import PRODUCTION, Crew
from support.hostile_reddit import HostileReddit
from support.service_process import ROOT, ServiceProcess
from support.waiting import wait_until

LIMIT = 320 << 20  # bytes, the limit in deploy/kubernetes/base/crawler-worker.yaml
CONCURRENCY = 8
PROBE_SECONDS = 3.0  # the time limit of a probe of Kubernetes
CALM_ONES = 2
NAMES = [f"club_{n}" for n in range(12)]
NAMES += [f"{hostile_reddit.CALM}{n}" for n in range(CALM_ONES)]

LIVE = (
    "SELECT name FROM crawl_jobs AS job JOIN subreddits AS subreddit "
    "ON subreddit.id = job.subreddit_id WHERE status IN ('waiting', 'queued', 'crawling')"
)


class ProbesAsked(threading.Thread):
    """Sends probes as kubelet does, but more often. Keeps the longest time and each bad status."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self._stopping = threading.Event()
        self.asked = 0
        self.slowest = 0.0
        self.bad: list[int] = []

    def run(self) -> None:
        while not self._stopping.wait(0.1):
            began = time.monotonic()
            status = probes.status(self._url, "/healthz")
            self.slowest = max(self.slowest, time.monotonic() - began)
            self.asked += 1
            if status != 200:
                self.bad.append(status)

    def stop(self) -> None:
        self._stopping.set()
        self.join(20)


@contextlib.contextmanager
def limited(worker: ServiceProcess) -> Iterator[Path | None]:
    with memory_limit.group(LIMIT) as group:
        if group is not None:
            (group / "cgroup.procs").write_text(str(worker.pid))
        try:
            yield group
        finally:
            worker.kill()


def enqueue_all(database: Database) -> None:
    """Enqueue a job for each community that has no live job."""
    with database.begin() as conn:
        busy = set(conn.execute(text(LIVE)).scalars())
        enqueueing.enqueue_many(
            conn,
            subreddits_named=[name for name in NAMES if name not in busy],
            priority=50,
            source=JobSource.USER,
            max_retries=9,
        )


def outcomes(database: Database, name_like: str = "%") -> dict[str, int]:
    query = (
        "SELECT attempt.outcome, count(*) FROM crawl_job_attempts AS attempt "
        "JOIN crawl_jobs AS job ON job.id = attempt.job_id "
        "JOIN subreddits AS subreddit ON subreddit.id = job.subreddit_id "
        "WHERE subreddit.name LIKE :name GROUP BY 1"
    )
    with database.begin() as conn:
        return {row[0]: row[1] for row in conn.execute(text(query), {"name": name_like})}


def live(database: Database) -> list[str]:
    with database.begin() as conn:
        return list(conn.execute(text(LIVE)).scalars())


@pytest.mark.parametrize(
    ("replies", "drip_seconds"), [(20, 0.2), pytest.param(1_000, 90.0, marks=pytest.mark.deep)]
)
def test_a_worker_outlives_hostile_replies_below_the_limit_of_its_pod(
    database: Database,
    crew: Crew,
    monkeypatch: pytest.MonkeyPatch,
    replies: int,
    drip_seconds: float,
) -> None:
    monkeypatch.setattr(hostile_replies, "DRIP_SECONDS", drip_seconds)
    reddit = HostileReddit(replies, at_once=CONCURRENCY - CALM_ONES)
    with scripted_server.serve(reddit) as crew.sandbox_url:
        enqueue_all(database)
        worker = crew.started(
            PRODUCTION,
            WORKER_CONCURRENCY=str(CONCURRENCY),
            LEASE_SECONDS="5",
            PROBE_BIND="127.0.0.1:0",
        )
        with limited(worker) as group:
            asked = ProbesAsked(probes.address(worker))
            asked.start()

            def all_sent() -> bool:
                assert worker.is_alive(), worker.told()
                if sum(reddit.sent.values()) >= replies:
                    return True
                enqueue_all(database)
                return False

            wait_until(
                all_sent,
                timeout=60 + replies * (2 + drip_seconds / 50),
                every=0.2,
                describe=lambda: f"{reddit.sent} {outcomes(database)} {worker.told()}",
            )
            wait_until(
                lambda: not live(database),
                timeout=300,
                every=0.1,
                describe=lambda: f"{live(database)} live jobs {worker.told()}",
            )
            asked.stop()
            most = memory_limit.high_water_mark(worker.pid)
            in_group = 0 if group is None else memory_limit.most_used(group)
    sys.stdout.write(  # shown by -s
        f"{sum(reddit.sent.values())} hostile replies {dict(reddit.sent)}: at most "
        f"{most >> 20} MiB resident, {in_group >> 20} MiB in the control group; "
        f"{asked.asked} probes, the slowest {asked.slowest:.2f} s; {outcomes(database)}\n"
    )
    assert most <= LIMIT
    assert (asked.bad, asked.slowest < PROBE_SECONDS) == ([], True)
    assert "lease_expired" not in outcomes(database)
    assert set(outcomes(database, f"{hostile_reddit.CALM}%")) == {"succeeded"}


def test_the_limit_is_that_of_the_manifest() -> None:
    manifest = (ROOT / "deploy/kubernetes/base/crawler-worker.yaml").read_text()
    assert f"memory: {LIMIT >> 20}Mi" in manifest
