"""docker-compose.yml is played with stand-ins for foreign images, and keeps two Reddits apart."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from support import compose_project, image_builds, images, podman
from support.compose_project import ComposeProject
from support.free_ports import free_port
from support.plain_http import NO_CERTIFICATES
from support.waiting import wait_until

pytestmark = pytest.mark.timeout(300)  # the first test builds the images
DEADLINE_SECONDS = 60
SANDBOX = images.ROOT / "deploy" / "docker" / "sandbox.env"
# Settings that a user writes into .env.
OWN = {
    "LOG_LEVEL": "DEBUG",
    "ADMIN_API_THREADS": "3",
    "SCHEDULER_TICK_SECONDS": "5",
    "WORKER_CONCURRENCY": "2",
    "MAX_POSTS_PER_SUB": "25",
    "MAX_REQUESTS_PER_JOB": "3",
    "USER_SUB_FETCH_LIMIT": "0",
}


@pytest.fixture(scope="module")
def project(
    builds: dict[str, float], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ComposeProject]:
    """Yield the running project of the sandbox."""
    image_builds.tag_postgres(compose_project.read()["services"]["postgres"]["image"])
    folder = tmp_path_factory.mktemp("compose")
    # podman-compose gives a setting without a value only from the shell, Docker also from the file.
    variables = {**compose_project.settings_of(SANDBOX), **OWN, "ADMIN_API_PORT": str(free_port())}
    running = ComposeProject(folder, variables, ("--env-file", str(SANDBOX)))
    running.write()
    running.start("sandbox")
    yield running
    podman.remove_all()


def test_without_the_file_of_the_sandbox_nothing_starts(tmp_path: Path, builds: object) -> None:
    bare = ComposeProject(tmp_path, {})
    bare.write()
    done = bare.compose("up", "--detach", "--no-build")
    assert done.returncode != 0
    assert "REDDIT_CLIENT_ID" in done.stdout + done.stderr
    assert "--env-file deploy/docker/sandbox.env" in done.stdout + done.stderr


def test_the_project_of_the_sandbox_crawls_it(
    project: ComposeProject, figure: Callable[[str], None]
) -> None:
    services = compose_project.read()["services"]
    for name in images.SERVICES:
        project.wait_until_healthy(name)
        wanted = services[name].get("deploy", {}).get("replicas", 1)
        assert len(project.containers(name)) == wanted
    with httpx.Client(
        base_url=f"http://127.0.0.1:{project.variables['ADMIN_API_PORT']}/api/admin",
        headers={"Authorization": f"Bearer {project.secret('admin_api_token')}"},
        timeout=20,
        verify=NO_CERTIFICATES,
    ) as api:
        job = api.post("/jobs", json={"subreddit": "composed"}).json()["job"]
        wait_until(
            lambda: api.get(f"/jobs/{job['id']}").json()["status"] == "succeeded",
            timeout=DEADLINE_SECONDS,
            every=0.2,
            describe=lambda: [one.logs() for one in project.containers("crawler-worker")],
        )
    for name in images.SERVICES:
        used = [container.memory_mib() for container in project.containers(name)]
        figure(f"compose, {name}: {', '.join(f'{mib:.0f}' for mib in used)} MiB")


def test_settings_reach_the_containers_and_only_these(project: ComposeProject) -> None:
    services = compose_project.read()["services"]
    for name in images.SERVICES:
        listed = services[name]["environment"]
        for container in project.containers(name):
            found = dict(item.split("=", 1) for item in container.inspect()["Config"]["Env"])
            given = {key: value for key, value in OWN.items() if key in listed}
            assert given.items() <= found.items()
            of_image = images.read(name).variables
            unset = {key for key, value in listed.items() if value is None} - {*project.variables}
            assert {key: found[key] for key in unset & found.keys()}.items() <= of_image.items()


def test_a_worker_for_the_real_reddit_refuses_the_database_of_the_sandbox(
    project: ComposeProject,
) -> None:
    """The worker is in the network of the project, with the project's files of secrets."""
    worker, *_ = project.containers("crawler-worker")
    (network,) = worker.inspect()["NetworkSettings"]["Networks"]
    mounts = [f"--volume={one['Source']}:{one['Destination']}:ro" for one in files_of(worker)]
    real = {
        "DATABASE_URL_FILE": "/run/secrets/crawler_worker_database_url",
        "REDDIT_CLIENT_ID": "real",
        "REDDIT_CLIENT_SECRET": "real",
    }
    image = worker.inspect()["ImageName"]
    options = (f"--network={network}", *mounts, *podman.environment(real), "--rm")
    done = podman.run_to_end("mixed", image, *options)
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if "worker.start_failed" in line]
    reason = json.loads(line)["reason"]
    assert "holds content of another server" in reason
    assert "use another database" in reason


def files_of(container: podman.Container) -> list[dict[str, str]]:
    mounts = container.inspect()["Mounts"]
    return [one for one in mounts if one["Destination"].startswith("/run/secrets/")]


def test_services_stop_within_their_grace(
    project: ComposeProject, figure: Callable[[str], None]
) -> None:
    services = compose_project.read()["services"]
    graces = {"crawler-worker": 45.0}  # the default of a variable
    for name in images.SERVICES:
        grace = graces.get(name) or float(services[name]["stop_grace_period"].removesuffix("s"))
        for container in project.containers(name):
            code, seconds = container.stop(grace)
            assert (code, seconds < grace) == (0, True), container.logs()
            figure(f"compose, {container.name}: SIGTERM, exit code {code} after {seconds:.1f} s")
