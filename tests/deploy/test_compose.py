"""docker-compose.yml: its names exist, and its services start in the right order."""

import contextlib
import os
import pty
import re
import select
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from psycopg import conninfo

from crawler_worker import worker_process
from crawljobs import settings
from support import images, needs, service_variables, setting_readers

ROOT = images.ROOT
OURS = ("roles", "migrate", *images.SERVICES, "sandbox")
PAGE = ROOT / "docs" / "operations" / "compose.md"
# Seconds after the drain and LATE_SECONDS of a worker: it sends its last spans and ends.
END_SECONDS = 5
SANDBOX_ENV = ROOT / "deploy" / "docker" / "sandbox.env"
# These variables are read by compose itself.
OF_COMPOSE = {"COMPOSE_PROFILES", "COMPOSE_PROJECT_NAME"}
ADDRESSES = {"REDDIT_API_URL", "REDDIT_AUTH_URL", "REDDIT_ALLOW_HTTP"}
# These settings have a fixed value in compose. The page lists them with the reasons.
FIXED = {
    "ADMIN_API_BIND",
    "DATABASE_DIRECT_URL",
    "DATABASE_ROLE_PREFIX",
    "INSTANCE_NAME",
    "METRICS_DATABASE_PASSWORD",
    "PROBE_BIND",
    "READER_DATABASE_PASSWORD",
}


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
    assert sandbox_settings().keys() - OF_COMPOSE <= service_variables.known()


def sandbox_settings() -> dict[str, str]:
    lines = [line for line in SANDBOX_ENV.read_text().splitlines() if not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines if line)


@pytest.mark.parametrize("name", ["roles", "migrate", *images.SERVICES])
def test_every_setting_reaches_the_container_that_reads_it(
    compose: dict[str, Any], name: str
) -> None:
    """A value is taken from .env, --env-file or the shell, and secrets are taken from files."""
    folder = (
        "shared/crawljobs/migrate"
        if name in ("roles", "migrate")
        else f"services/{name.replace('-', '_')}"
    )
    given = compose["services"][name]["environment"]
    wanted = setting_readers.read_by(folder) - FIXED
    if name == "migrate":  # it sets no passwords
        wanted = {setting for setting in wanted if not setting.endswith("_PASSWORD")}
    passed = {setting for setting, value in given.items() if is_from_outside(setting, value)}
    files = {setting.removesuffix("_FILE") for setting in given if setting.endswith("_FILE")}
    assert wanted - files == passed - files


def is_from_outside(setting: str, value: str | None) -> bool:
    """Return whether the value is that of a variable with this name, or with this name's end."""
    if setting == "NO_PROXY":  # test_a_proxy_of_the_shell_does_not_get_the_requests_for_the_sandbox
        return value is not None and "$NO_PROXY" in value
    return (
        value is None
        or re.fullmatch(rf"\$\{{(WORKER_|SCHEDULER_)?{setting}:[?-].*\}}", value) is not None
    )


def test_every_setting_of_the_table_is_read_by_a_container_or_fixed() -> None:
    folders = (
        "shared/crawljobs/migrate",
        *(f"services/{name.replace('-', '_')}" for name in images.SERVICES),
    )
    read = {name for folder in folders for name in setting_readers.read_by(folder)}
    assert read == setting_readers.documented()
    text = PAGE.read_text().partition("## Settings")[2].partition("##")[0]
    assert set(re.findall(r"`([A-Z_]+)`", text)) >= FIXED


def test_the_sandbox_is_a_project_of_its_own_that_no_other_command_reaches(
    compose: dict[str, Any],
) -> None:
    """Without the file of the sandbox, compose refuses to start or crawls into another database."""
    own = sandbox_settings()
    assert own["COMPOSE_PROJECT_NAME"] != compose["name"]
    worker = compose["services"]["crawler-worker"]["environment"]
    assert worker["REDDIT_CLIENT_ID"].startswith("${REDDIT_CLIENT_ID:?")
    assert "name" not in (compose["volumes"]["postgres"] or {}), "a name is shared by projects"
    # Otherwise a default would hide a setting of the sandbox.
    assert all(
        worker[name] is None for name in own if name.startswith("REDDIT_") and "ID" not in name
    )


def resolved(value: str, variables: dict[str, str]) -> str:
    """Return the value of a setting as the shell resolves it. Compose has the same syntax."""
    command = [needs.program("bash"), "-c", f'printf %s "{value}"']
    return subprocess.run(
        command, env=variables, capture_output=True, text=True, timeout=30, check=True
    ).stdout


@pytest.mark.parametrize("excepted", [None, "", "intranet.test", "intranet.test,10.0.0.0/8"])
def test_a_proxy_of_the_shell_does_not_get_the_requests_for_the_sandbox(
    compose: dict[str, Any], excepted: str | None
) -> None:
    shell = {"HTTP_PROXY": "http://proxy.test:3128", "HTTPS_PROXY": "http://proxy.test:3128"}
    if excepted is not None:
        shell["NO_PROXY"] = excepted
    listed = compose["services"]["crawler-worker"]["environment"]
    given = {**sandbox_settings(), **shell, "REDDIT_CLIENT_SECRET": "sandbox"}
    given["NO_PROXY"] = resolved(listed["NO_PROXY"], shell)
    found = settings.read_reddit_settings(given)
    assert (found.api_proxy, found.auth_proxy) == (None, None)
    real = {name: value for name, value in given.items() if name not in ADDRESSES}
    assert settings.read_reddit_settings(real).api_proxy == shell["HTTPS_PROXY"]
    assert {*filter(None, (excepted or "").split(","))} < {*given["NO_PROXY"].split(",")}
    assert "`127.0.0.1` or\n`localhost` does not work in a container" in PAGE.read_text()


def documented_commands() -> list[list[str]]:
    """Return the words of each compose command in the documents and in the file itself."""
    pages = [*(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md"), ROOT / "README.md"]
    text = "\n".join(path.read_text() for path in [*pages, ROOT / "docker-compose.yml"])
    return [shlex.split(found) for found in re.findall(r"docker compose ((?:-|up|down).*)", text)]


def test_each_documented_command_of_the_sandbox_starts_the_sandbox() -> None:
    """An option --profile replaces the profiles of the file."""
    commands = [words for words in documented_commands() if "deploy/docker/sandbox.env" in words]
    assert len(commands) > 3
    for words in commands:
        profiles = [words[at + 1] for at, word in enumerate(words) if word == "--profile"]
        assert not profiles or "sandbox" in profiles, words


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
    check_replaced(script, made)
    assert "/deploy/docker/secrets/" in (ROOT / ".gitignore").read_text().splitlines()


def check_replaced(script: Path, before: dict[str, str]) -> None:
    """Check that only the named secrets change, in place, because containers mount the files."""
    folder = script.parent / "secrets"
    file = (folder / "scheduler_database_password").stat().st_ino
    names = ("scheduler_password", "admin_api_token")
    subprocess.run([sys.executable, script, "--replace", *names], check=True, timeout=30)
    after = {path.name: path.read_text().strip() for path in folder.iterdir()}
    changed = {name for name in after if after[name] != before[name]}
    own = {"scheduler_database_password", "scheduler_database_url"}
    assert changed == {*own, "admin_api_token"}
    assert after["scheduler_database_password"] in after["scheduler_database_url"]
    assert (folder / "scheduler_database_password").stat().st_ino == file
    rows = PAGE.read_text().partition("## Change a secret")[2]
    listed = subprocess.run(
        [sys.executable, script, "--help"], capture_output=True, text=True, timeout=30, check=True
    )
    choices = set(re.findall(r"\b([a-z_]+_(?:password|token|secret))\b", listed.stdout))
    assert len(choices) == 8
    assert set(re.findall(r"`([a-z_]+_(?:password|token|secret))`", rows)) == choices


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """Return the path of a copy of make-secrets, which writes below `tmp_path`."""
    copy = tmp_path / "make-secrets"
    copy.write_bytes((ROOT / "deploy/docker/make-secrets").read_bytes())
    return copy


def replace_reddit_secret(script: Path, typed: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, script, "--replace", "reddit_client_secret"],
        env={},
        input=typed,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_secret_of_the_reddit_client_is_read_from_standard_input(script: Path) -> None:
    written = script.parent / "secrets" / "reddit_client_secret"
    assert replace_reddit_secret(script, "from-a-file\n").returncode == 0
    assert written.read_text() == "from-a-file\n"
    for typed in ("", "\n", "two words\n"):
        refused = replace_reddit_secret(script, typed)
        assert refused.returncode == 2
        assert "expected one word at the prompt or in standard input" in refused.stderr
    assert written.read_text() == "from-a-file\n"


def test_the_secret_of_the_reddit_client_is_typed_at_a_prompt_without_an_echo(
    script: Path,
) -> None:
    main, terminal = pty.openpty()
    command = [sys.executable, script, "--replace", "reddit_client_secret"]
    shown = b""
    with subprocess.Popen(
        command, stdin=terminal, stdout=terminal, stderr=terminal, env={}, start_new_session=True
    ) as process:
        os.close(terminal)
        try:
            while b"secret of the Reddit client: " not in shown:
                assert select.select([main], [], [], 30)[0], shown
                shown += os.read(main, 1000)
            os.write(main, b"typed-by-hand\n")
            assert process.wait(30) == 0
            with contextlib.suppress(OSError):  # Linux reports the closed terminal as an error
                shown += os.read(main, 1000)
        finally:
            process.kill()
            os.close(main)
    assert (script.parent / "secrets/reddit_client_secret").read_text() == "typed-by-hand\n"
    assert b"typed-by-hand" not in shown


def test_no_document_types_a_secret_in_front_of_a_command() -> None:
    pages = [*(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md"), ROOT / "README.md"]
    typed = re.compile(r"^ *[A-Z_]*(?:SECRET|PASSWORD|TOKEN)=\S+ +\S", re.MULTILINE)
    assert typed.search("REDDIT_CLIENT_SECRET=YOUR_SECRET deploy/docker/make-secrets")
    assert {str(page): found for page in pages if (found := typed.findall(page.read_text()))} == {}


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
    grace = compose["services"]["crawler-worker"]["stop_grace_period"]
    (seconds,) = re.fullmatch(r"\$\{WORKER_STOP_GRACE:-(\d+)s\}", grace).groups()
    queue = settings.read_queue_settings({})
    late = worker_process.LATE_SECONDS + END_SECONDS
    assert int(seconds) == queue.drain_seconds + late
    text = " ".join(PAGE.read_text().split())
    assert f"set `WORKER_STOP_GRACE` to {late:g} s more" in text


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
