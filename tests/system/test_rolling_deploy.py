"""The three services run as in their manifests, and are scaled and updated under load."""

import secrets
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from crawljobs.db.administration import grants
from crawljobs.db.database import Database
from crawljobs.domain.job import JobStatus
from support import admin_api, reddit_sandbox
from support.cluster import Cluster, Kubelet, Pod
from support.databases import Databases
from support.plain_http import NO_CERTIFICATES
from support.roles import Roles, prefix_of_ones_own
from support.waiting import wait_until
from support.watched_queue import WatchedQueue

DEADLINE_SECONDS = 90  # limit for an overloaded machine
JOBS = "/api/admin/jobs"
JOBS_ENOUGH = 30
# A job takes six requests, so that two or three jobs are running whenever a process is stopped.
JOB_SECONDS = 0.4
LATENCY_SECONDS = 0.15
SMALL = {
    "MAX_POSTS_PER_SUB": "25",
    "MAX_REQUESTS_PER_JOB": "6",
    "USER_SUB_FETCH_LIMIT": "0",
    "USER_SUB_ENQUEUE_MAX": "0",
}


@pytest.fixture
def roles(databases: Databases) -> Iterator[Roles]:
    """Yield names of roles and an empty database. The roles do not exist yet."""
    with prefix_of_ones_own(databases) as prefix, databases.empty() as url:
        yield Roles(url, prefix, secrets.token_hex(16))


@pytest.fixture
def database_url(roles: Roles) -> str:
    return roles.url


@pytest.fixture
def cluster(tmp_path: Path, roles: Roles) -> Iterator[Cluster]:
    """Yield a cluster. Each service logs in with its own role, which the migration job makes."""
    with reddit_sandbox.serve(
        "--rate-limit", 10_000_000, "--latency-seconds", LATENCY_SECONDS
    ) as sandbox:
        where = {"REDDIT_API_URL": sandbox.url, "REDDIT_AUTH_URL": sandbox.url}
        own = {**where, **SMALL, "LOG_LEVEL": "DEBUG", "DATABASE_ROLE_PREFIX": roles.prefix}
        running = Cluster(tmp_path, secrets_of(roles), own)
        running.run_job("migrate")
        yield running
        running.close()


def secrets_of(roles: Roles) -> dict[str, str]:
    own = {kind: f"crawljobs-database-{kind.replace('_', '-')}" for kind in grants.ROLES}
    return {
        "crawljobs-database/url": roles.url,
        **{f"{secret}/url": roles.url_as(kind) for kind, secret in own.items()},
        **{f"{secret}/password": roles.password for secret in own.values()},
        "crawljobs-admin-api/token": admin_api.TOKEN,
        "crawljobs-reddit/client-id": "tests",
        "crawljobs-reddit/client-secret": "canary-of-the-reddit-client",
    }


class Users(threading.Thread):
    """Enqueues jobs all the time, through any API process that is ready.

    `accepted` has the id of each acknowledged job.
    """

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(daemon=True)
        self._cluster = cluster
        self._stopping = threading.Event()
        self.accepted: list[int] = []
        self.refused: list[str] = []

    def run(self) -> None:
        number = 0
        while not self._stopping.wait(JOB_SECONDS):
            number += 1
            self._enqueue(f"load_{number}")

    def _enqueue(self, name: str) -> None:
        for pod in reversed(self._cluster.of("admin-api")):
            try:
                answer = post(pod, name)
            except httpx.TransportError:
                continue  # a proxy would try the next process too
            if answer.status_code == 201:
                self.accepted.append(answer.json()["job"]["id"])
            else:
                self.refused.append(answer.text)
            return

    def stop(self) -> None:
        self._stopping.set()
        self.join(30)


def post(pod: Pod, name: str) -> httpx.Response:
    return httpx.post(
        f"http://127.0.0.1:{pod.ports['http']}{JOBS}",
        json={"subreddit": name},
        headers={"Authorization": f"Bearer {admin_api.TOKEN}"},
        timeout=20,
        verify=NO_CERTIFICATES,
    )


@pytest.mark.timeout(360)  # it starts nine processes, perhaps on an overloaded machine
def test_scaled_and_rolled_under_load_nothing_is_lost_or_told_and_metrics_agree(
    database: Database, cluster: Cluster
) -> None:
    queue = WatchedQueue(database)
    for service in ("admin-api", "scheduler", "crawler-worker"):
        cluster.start(service)
    for pod in cluster.pods:
        cluster.wait_until_ready(pod)
    with database.begin() as conn:
        conn.execute(text("INSERT INTO subreddits (name) VALUES ('on_schedule')"))
        conn.execute(
            text(
                "INSERT INTO scheduled_jobs (name, subreddit_id, cron_expression, next_run_at) "
                "SELECT 's', id, '@every 60s', now() FROM subreddits"
            )
        )
    kubelet, users = Kubelet(cluster), Users(cluster)
    kubelet.start()
    users.start()
    for service in ("crawler-worker", "scheduler", "admin-api"):
        cluster.roll(service)
    cluster.scale("crawler-worker", 2)
    cluster.roll("crawler-worker")
    cluster.scale("crawler-worker", 1)
    wait_until(
        lambda: len(users.accepted) >= JOBS_ENOUGH, timeout=DEADLINE_SECONDS, describe="a load"
    )
    users.stop()
    queue.accepted += users.accepted
    queue.wait_until_ended(timeout=DEADLINE_SECONDS)
    kubelet.stop()
    assert users.refused == []
    assert kubelet.dead == []
    assert kubelet.asked > 10
    queue.check_ended()
    outcomes = {row.outcome for row in queue.rows("SELECT outcome FROM crawl_job_attempts")}
    assert outcomes <= {"succeeded", "released"}, "a roll-out is nobody's fault"
    check_metrics(queue, cluster)
    shown = [pod.metrics_text() for pod in cluster.pods]
    for pod in list(cluster.pods):
        cluster.end(pod)
    check_secrets(queue, cluster, shown)


def check_secrets(queue: WatchedQueue, cluster: Cluster, shown: list[str]) -> None:
    """Check that no secret is in a log, a metric, an audit row or a stored error."""
    known = ("crawljobs-admin-api/token", "crawljobs-reddit/client-secret")
    told_nobody = [cluster.secrets[name] for name in (*known, "crawljobs-database-owner/password")]
    tokens = [row.access_token for row in queue.rows("SELECT access_token FROM reddit_tokens")]
    told_nobody += tokens
    assert len(told_nobody) == 4
    logs = [path.read_text() for path in cluster.folder.glob("*/log")]
    assert len(logs) >= 3 * len(shown)
    kept = queue.rows("""
        SELECT CAST(admin_audit_log AS text) AS told FROM admin_audit_log
        UNION ALL SELECT error_message FROM crawl_job_attempts
        UNION ALL SELECT CAST(details AS text) FROM service_instances
        """)
    for text_ in [*logs, *shown, *(str(row.told) for row in kept)]:
        assert not any(secret in text_ for secret in told_nobody)


def check_metrics(queue: WatchedQueue, cluster: Cluster) -> None:
    """Check that the counters from now on, and the gauges, equal the rows of the tables."""
    (api,), (worker,), (scheduler,) = (
        cluster.of(service) for service in ("admin-api", "crawler-worker", "scheduler")
    )
    counted = {"worker": worker.metrics(), "api": api.metrics()}
    before = queue.value("SELECT count(*) FROM crawl_jobs WHERE status = 'succeeded'")
    for number in range(5):
        answer = post(api, f"last_{number}")
        assert answer.status_code == 201
        queue.accepted.append(answer.json()["job"]["id"])
    queue.wait_until_ended(timeout=DEADLINE_SECONDS)
    finished = queue.value("SELECT count(*) FROM crawl_jobs WHERE status = 'succeeded'") - before

    def grown(pod: Pod, whose: str, name: str) -> float:
        return pod.metrics()[name] - counted[whose][name]

    wait_until(
        lambda: grown(worker, "worker", "crawl_jobs_finished_total{outcome=succeeded}") == finished,
        timeout=DEADLINE_SECONDS,
        describe=lambda: f"{finished} finished, {worker.metrics()}",
    )
    assert grown(worker, "worker", "crawl_job_attempts_total{outcome=succeeded}") == finished
    assert grown(worker, "worker", "crawl_job_duration_seconds_count") == finished
    assert grown(worker, "worker", "crawl_job_wait_seconds_count") == finished
    name = "crawl_jobs_enqueued_total{result=created}{source=user}"
    assert grown(api, "api", name) == 5

    def gauges_agree() -> bool:
        shown = scheduler.metrics()
        rows = {
            row.status: row.jobs
            for row in queue.rows("SELECT status, count(*) AS jobs FROM crawl_jobs GROUP BY status")
        }
        return all(
            shown[f"crawl_jobs{{state={state}}}"] == rows.get(state, 0) for state in JobStatus
        )

    wait_until(gauges_agree, timeout=DEADLINE_SECONDS, describe=lambda: scheduler.metrics())
    shown = scheduler.metrics()
    assert shown["crawl_leases_expired"] == 0
    assert shown["crawl_schedules{enabled=true}"] == 1
    assert shown["crawl_queue_depth"] == 0
