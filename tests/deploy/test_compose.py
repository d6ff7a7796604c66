"""docker-compose.yml: its names exist, and its services start in the right order."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from psycopg import conninfo

from crawljobs import settings
from support import images, service_variables

ROOT = images.ROOT
OURS = ("roles", "migrate", *images.SERVICES, "sandbox")
# Seconds after the drain of a worker: it waits for a reply and releases its jobs.
LATE_SECONDS = 15


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return found


def test_each_service_is_built_from_a_target_of_the_dockerfile(compose: dict[str, Any]) -> None:
    for name in OURS:
        build = compose["services"][name]["build"]
        assert (ROOT / build["dockerfile"]) == images.DOCKERFILE
        assert build["target"] in images.TARGETS
        assert "entrypoint" not in compose["services"][name]


def test_every_variable_is_one_that_the_code_reads(compose: dict[str, Any]) -> None:
    for name in OURS:
        given = set(compose["services"][name].get("environment", {}))
        assert given <= service_variables.known(), name
    sandbox = (ROOT / "deploy/docker/sandbox.env").read_text().splitlines()
    named = {line.split("=")[0] for line in sandbox if line and not line.startswith("#")}
    assert named - {"COMPOSE_PROFILES"} <= service_variables.known()


def test_secrets_come_from_files_and_each_is_declared_and_made(
    compose: dict[str, Any], tmp_path: Path
) -> None:
    used = set()
    for name, service in compose["services"].items():
        for variable, value in service.get("environment", {}).items():
            assert variable.endswith("_FILE") or not str(value).startswith("/run/secrets"), name
            if str(value).startswith("/run/secrets/"):
                secret = value.removeprefix("/run/secrets/")
                assert secret in service["secrets"]
                used.add(secret)
    assert used == set(compose["secrets"])
    script = tmp_path / "make-secrets"
    script.write_bytes((ROOT / "deploy/docker/make-secrets").read_bytes())
    for _ in range(2):  # the second run changes nothing
        subprocess.run([sys.executable, script], check=True, timeout=30)
        made = {path.name: path.read_text().strip() for path in (tmp_path / "secrets").iterdir()}
    assert set(made) == used
    assert made["postgres_password"] in made["database_url"]
    address = settings.read_database_settings({"DATABASE_URL": made["database_url"]})
    assert address.url.startswith("postgresql://crawljobs:")
    for role in ("owner", "admin_api", "crawler_worker", "scheduler"):
        address = settings.read_database_settings({"DATABASE_URL": made[f"{role}_database_url"]})
        parts = conninfo.conninfo_to_dict(address.url)
        assert parts["user"] == f"crawljobs_{role}"
        assert parts["password"] == made[f"{role}_database_password"]
    settings.read_admin_api_settings({"ADMIN_API_TOKEN": made["admin_api_token"]})
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0
    assert "/deploy/docker/secrets/" in (ROOT / ".gitignore").read_text().splitlines()


def test_services_start_after_the_schema_is_there(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services["roles"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert services["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    after = services["migrate"]["depends_on"]["roles"]["condition"]
    assert after == "service_completed_successfully"
    for name in images.SERVICES:
        order = services[name]["depends_on"]
        assert order["migrate"]["condition"] == "service_completed_successfully"
        assert order["postgres"]["condition"] == "service_healthy"


def test_each_service_knows_the_password_of_its_own_role_alone(compose: dict[str, Any]) -> None:
    for name in images.SERVICES:
        kind = name.replace("-", "_")
        known = [one for one in compose["services"][name]["secrets"] if "database" in one]
        assert known == [f"{kind}_database_url"]
    assert "database_url" not in compose["services"]["migrate"]["secrets"]


def test_containers_are_hardened(compose: dict[str, Any]) -> None:
    for name in OURS:
        service = compose["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_health_is_asked_at_ports_and_paths_that_there_are(compose: dict[str, Any]) -> None:
    for name in images.SERVICES:
        *command, url = compose["services"][name]["healthcheck"]["test"]
        assert command == ["CMD", "python", "-P", "-m", "crawljobs.probe"]
        port = int(url.split(":")[2].split("/")[0])
        assert port in images.read(name).ports
        assert url.endswith("/readyz")


def test_the_grace_is_longer_than_a_worker_drains(compose: dict[str, Any]) -> None:
    grace = int(compose["services"]["crawler-worker"]["stop_grace_period"].removesuffix("s"))
    queue = settings.read_queue_settings({})
    assert grace >= queue.drain_seconds + LATE_SECONDS


def test_what_is_published_is_published_on_the_loopback(compose: dict[str, Any]) -> None:
    published = [port for one in compose["services"].values() for port in one.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_every_file_that_is_mounted_exists(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (ROOT / source).exists(), source
            else:
                assert source in compose["volumes"]


def test_clients_reach_gunicorn_without_a_proxy(compose: dict[str, Any]) -> None:
    """The gunicorn worker class of the API protects this kind of deployment (decision 108)."""
    published = {
        name: service["ports"]
        for name, service in compose["services"].items()
        if "ports" in service and "profiles" not in service
    }
    assert published["admin-api"] == ["127.0.0.1:${ADMIN_API_PORT:-8000}:8000"]
    assert published.keys() <= {"admin-api", "postgres", "sandbox"}
