"""The system runs from its images as the manifests say, and survives kills, updates and limits.

User, rights, memory, probes, files of secrets and the grace are read from the overlay `local`.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from crawljobs.db.database import Database
from support import container_pods, manifests, podman
from support.container_pods import LivenessProbes, Pods, RunningPod
from support.plain_http import NO_CERTIFICATES
from support.waiting import wait_until
from support.watched_queue import WatchedQueue

pytestmark = pytest.mark.timeout(300)  # the first test builds the images
DEADLINE_SECONDS = 60
JOBS = "/api/admin/jobs"
LATENCY_SECONDS = 0.15
# A job takes about a second, and a worker that dies is noticed soon.
QUICK = {
    "LEASE_SECONDS": "4",
    "RESCUE_SECONDS": "0.5",
    "POLL_SECONDS": "0.5",
    "WORKER_CONCURRENCY": "3",
    "MAX_POSTS_PER_SUB": "25",
    "MAX_REQUESTS_PER_JOB": "6",
    "USER_SUB_FETCH_LIMIT": "0",
    "USER_SUB_ENQUEUE_MAX": "0",
    "LOG_LEVEL": "DEBUG",
}
# What a process in the container can see of its user, its rights and its limits.
LOOK = """
import errno, json, pathlib
status = dict(line.split(":", 1) for line in open("/proc/1/status"))
cgroup = pathlib.Path("/sys/fs/cgroup")
limits = [cgroup / "memory" / "memory.limit_in_bytes", cgroup / "memory.max"]
variables = open("/proc/1/environ").read().split(chr(0))
try:
    open("/app/new", "w")
    is_read_only = False
except OSError as error:
    is_read_only = error.errno == errno.EROFS
print(json.dumps({
    "user": status["Uid"].split()[0] + ":" + status["Gid"].split()[0],
    "groups": status["Groups"].split(),
    "capabilities": [int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd")],
    "no_new_privileges": int(status["NoNewPrivs"]),
    "seccomp": int(status["Seccomp"]),
    "is_read_only": is_read_only,
    "memory": [int(path.read_text()) for path in limits if path.exists()],
    "variables": variables,
}))
"""


@pytest.fixture(scope="module")
def pods(network: str, tmp_path_factory: pytest.TempPathFactory) -> Pods:
    """Start Postgres and the sandbox, migrate, and start each service."""
    found = manifests.parsed(manifests.overlay("local"))
    running = Pods(tmp_path_factory.mktemp("pods"), network, found, QUICK)
    running.start_postgres()
    running.run_job()
    running.start_sandbox("--rate-limit", 10_000_000, "--latency-seconds", LATENCY_SECONDS)
    services = ["admin-api", "scheduler", *["crawler-worker"] * running.replicas("crawler-worker")]
    for service in services:
        running.start(service, waits=False)
    for pod in running.pods:
        pod.wait_until_ready()
    return running


@pytest.fixture(scope="module")
def queue(pods: Pods) -> Iterator[WatchedQueue]:
    url = container_pods.secret(pods.found, "crawljobs-database")["url"]
    address = podman.Container("postgres").address
    database = Database(url.replace("@postgres:", f"@{address}:"), pool_size=2)
    yield WatchedQueue(database)
    database.close()


def enqueue(pods: Pods, pod: RunningPod, *names: str) -> list[int]:
    """Enqueue subreddits over the API of a pod, and return the job ids."""
    return [post(pods, pod, name).json()["job"]["id"] for name in names]


def post(pods: Pods, pod: RunningPod, name: str) -> httpx.Response:
    token = container_pods.secret(pods.found, "crawljobs-admin-api")["token"]
    return httpx.post(
        f"{pod.url('http')}{JOBS}",
        json={"subreddit": name},
        headers={"Authorization": f"Bearer {token}"},
        timeout=20,
        verify=NO_CERTIFICATES,
    )


def claims_of(queue: WatchedQueue, pod: RunningPod) -> int:
    """Return the number of jobs that the worker in this container crawls now."""
    container = pod.container.inspect()["Id"][:12]  # the host name of the container
    return len([job for job in queue.claimed() if container in str(job.claimed_by)])


def wait_for_claims(queue: WatchedQueue, pod: RunningPod) -> None:
    wait_until(
        lambda: claims_of(queue, pod) > 0,
        timeout=DEADLINE_SECONDS,
        describe=lambda: f"{queue.live()} {pod.container.logs()}",
    )


@pytest.mark.parametrize("service", ["admin-api", "crawler-worker", "scheduler"])
def test_a_container_has_the_user_the_rights_and_the_limits_of_its_manifest(
    pods: Pods, service: str
) -> None:
    pod = pods.of(service)[0]
    context = {**pod.spec["securityContext"], **pod.manifest["securityContext"]}
    seen = json.loads(pod.container.execute(LOOK).stdout)
    assert seen["user"] == f"{context['runAsUser']}:{context['runAsGroup']}"
    assert str(context["fsGroup"]) in seen["groups"]
    assert context["capabilities"]["drop"] == ["ALL"]
    assert seen["capabilities"] == [0, 0, 0]
    assert seen["no_new_privileges"] == (not context["allowPrivilegeEscalation"])
    assert seen["seccomp"] == 2, "the default profile filters system calls"
    assert seen["is_read_only"] is context["readOnlyRootFilesystem"]
    assert seen["memory"] == [pod.memory_limit]
    secrets = {
        *container_pods.secret(pods.found, "crawljobs-database").values(),
        *container_pods.secret(pods.found, "crawljobs-admin-api").values(),
    }
    assert len(secrets) == 3
    assert not any(text in str(seen["variables"]) for text in secrets), "secrets are in files"


def test_a_killed_worker_loses_no_job(
    pods: Pods, queue: WatchedQueue, figure: Callable[[str], None]
) -> None:
    (api,), victim = pods.of("admin-api"), pods.of("crawler-worker")[0]
    watched = LivenessProbes(pod for pod in pods.pods if pod is not victim)
    watched.start()
    queue.accepted += enqueue(pods, api, *(f"killed_{number}" for number in range(12)))
    wait_for_claims(queue, victim)
    pods.forget(victim)
    assert victim.container.kill() == podman.KILLED
    queue.wait_until_ended(timeout=DEADLINE_SECONDS)
    watched.stop()
    assert watched.failed == []
    assert watched.asked > 0
    queue.check()
    states = {queue.job(job_id).status for job_id in queue.accepted}
    assert states == {"succeeded"}
    outcomes = [outcome for job_id in queue.accepted for outcome in queue.outcomes(job_id)]
    assert "lease_expired" in outcomes, "the killed worker held a job"
    figure(f"kill -9 of a worker: {len(queue.accepted)} of {len(queue.accepted)} jobs succeeded")
    pods.start("crawler-worker")


def test_a_worker_that_is_replaced_releases_its_jobs_within_its_grace(
    pods: Pods, queue: WatchedQueue, figure: Callable[[str], None]
) -> None:
    (api,), old = pods.of("admin-api"), pods.of("crawler-worker")[0]
    new = pods.start("crawler-worker")
    jobs = enqueue(pods, api, *(f"replaced_{number}" for number in range(12)))
    queue.accepted += jobs
    wait_for_claims(queue, old)
    pods.forget(old)
    code, seconds = old.container.stop(old.grace)
    assert code == 0, old.container.logs()
    assert seconds < old.grace
    queue.wait_until_ended(timeout=DEADLINE_SECONDS)
    queue.check()
    outcomes = {outcome for job_id in jobs for outcome in queue.outcomes(job_id)}
    assert outcomes <= {"succeeded", "released"}, "a stop costs no attempt"
    assert new.container.is_running()
    figure(f"crawler-worker: SIGTERM, exit code {code} after {seconds:.1f} s of {old.grace:.0f} s")


class Clients(threading.Thread):
    """Sends requests to the pods of the Service, to each in turn.

    A client may still use the address of a pod for a moment after the pod left the Service.
    """

    def __init__(self, pods: Pods) -> None:
        super().__init__(daemon=True)
        self._pods = pods
        self._stopping = threading.Event()
        self.ids: list[int] = []
        self.lost: list[str] = []

    def run(self) -> None:
        number = 0
        while not self._stopping.is_set():
            for pod in self._pods.of("admin-api"):
                number += 1
                began = time.monotonic()
                try:
                    answer = post(self._pods, pod, f"rolled_{number}")
                except httpx.TransportError as error:
                    self._add_lost(pod, began, repr(error))
                    continue
                if answer.status_code == httpx.codes.CREATED:
                    self.ids.append(answer.json()["job"]["id"])
                else:
                    self._add_lost(pod, began, answer.text)

    def _add_lost(self, pod: RunningPod, began: float, reason: str) -> None:
        seconds = time.monotonic() - began
        self.lost.append(f"{pod.container.name} after {seconds:.1f} s: {reason}")

    def stop(self) -> None:
        self._stopping.set()
        self.join(30)


def test_no_request_is_lost_while_the_api_is_replaced(
    pods: Pods, queue: WatchedQueue, figure: Callable[[str], None]
) -> None:
    (old,) = pods.of("admin-api")
    clients = Clients(pods)
    clients.start()
    new = pods.start("admin-api")
    pods.forget(old)
    began, pause = time.monotonic(), old.manifest["lifecycle"]["preStop"]["sleep"]["seconds"]
    wait_until(
        lambda: time.monotonic() - began >= pause,
        timeout=2 * pause,
        describe="the end of the sleep before the stop",
    )
    code, seconds = old.container.stop(old.grace)
    after = len(clients.ids)
    wait_until(
        lambda: len(clients.ids) > after + 10 or clients.lost,
        timeout=DEADLINE_SECONDS,
        describe="requests to the new pod alone",
    )
    clients.stop()
    assert clients.lost == [], f"{old.container.logs()}\n{new.container.logs()}"
    assert (code, new.container.is_running()) == (0, True), old.container.logs()
    queue.accepted += clients.ids
    queue.wait_until_ended(timeout=2 * DEADLINE_SECONDS)
    queue.check()
    figure(
        f"admin-api: SIGTERM, exit code {code} after {seconds:.1f} s of {old.grace:.0f} s, "
        f"{len(clients.ids)} requests and none lost"
    )


# Takes more memory than the limit allows, as soon as the file exists. The kernel kills the process
# with the highest score, so the score of the worker is raised: the worker then dies as if its own
# memory had grown.
GROW = """
import os, time
deadline = time.monotonic() + {seconds}
while not os.path.exists("/tmp/grow") and time.monotonic() < deadline:
    time.sleep(0.01)
held = bytearray({bytes})
"""


def test_a_worker_that_is_killed_for_its_memory_loses_no_job(
    pods: Pods, queue: WatchedQueue, figure: Callable[[str], None]
) -> None:
    (api,), victim = pods.of("admin-api"), pods.of("crawler-worker")[0]
    process = Path(f"/proc/{victim.container.pid}")
    (process / "oom_score_adj").write_text("1000")
    grow = GROW.format(bytes=victim.memory_limit, seconds=DEADLINE_SECONDS)
    with ThreadPoolExecutor(1) as pool:
        growing = pool.submit(victim.container.execute, grow, check=False)
        jobs = enqueue(pods, api, *(f"grown_{number}" for number in range(12)))
        queue.accepted += jobs
        wait_for_claims(queue, victim)
        pods.forget(victim)
        (process / "root" / "tmp" / "grow").touch()
        growing.result()
    code = podman.wait_for_exit(victim.container)
    assert code == podman.KILLED, "the kernel alone sent a signal"
    queue.wait_until_ended(timeout=DEADLINE_SECONDS)
    queue.check()
    outcomes = [outcome for job_id in jobs for outcome in queue.outcomes(job_id)]
    assert "lease_expired" in outcomes, "the killed worker held a job"
    assert {queue.job(job_id).status for job_id in jobs} == {"succeeded"}
    figure(
        f"crawler-worker above its limit of {victim.memory_limit // podman.MIB} MiB: exit code "
        f"{code}, {len(jobs)} of {len(jobs)} jobs succeeded elsewhere"
    )


def test_each_container_fits_into_its_limit_and_ends_by_itself(
    pods: Pods, figure: Callable[[str], None]
) -> None:
    for service in ("admin-api", "crawler-worker", "scheduler"):
        pod = pods.of(service)[0]
        used, limit = pod.container.memory_mib(), pod.memory_limit / podman.MIB
        assert used < limit / 2, "half of the limit is left for a peak"
        figure(f"{service}: {used:.0f} of {limit:.0f} MiB")
        code, seconds = pod.container.stop(pod.grace)
        assert (code, seconds < pod.grace) == (0, True), pod.container.logs()
        figure(f"{service}: SIGTERM at rest, exit code {code} after {seconds:.1f} s")
