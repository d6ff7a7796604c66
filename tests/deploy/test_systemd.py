"""The systemd units: systemd accepts them, they are hardened, and their times fit the code."""

import contextlib
import re
import socket
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler_worker import worker_process
from crawljobs import settings
from crawljobs.domain import webhook_fairness
from crawljobs.runtime.outbound import resolver
from scheduler import __main__ as scheduler_process
from scheduler.webhooks import claiming, deliverer
from support import admin_api, commands, needs, service_variables, systemd_units
from support.systemd_units import FOLDER, Unit

SERVICES = sorted(FOLDER.glob("*.service"))
TIMERS = sorted(FOLDER.glob("*.timer"))
EXPOSURE_MAX = 15  # tenths; systemd calls 1.5 "OK", and 10.0 is the worst
END_SECONDS = 5  # the last spans, and the end of the process
DEADLINE_SECONDS = 60
OTHER_THREADS = 32  # of schedules, probes, connection pools and traces
PREFIX = "/opt/crawljobs"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Yield the units as an installation has them: their commands exist."""
    prefix = tmp_path_factory.mktemp("prefix")
    for path in (*SERVICES, *TIMERS):
        text = path.read_text().replace(PREFIX, str(prefix))
        (prefix / path.name).write_text(text)
        if path.suffix == ".service":
            command = Path(systemd_units.read(prefix / path.name).one("ExecStart").split()[0])
            command.parent.mkdir(parents=True, exist_ok=True)
            command.write_text("#!/bin/sh\n")
            command.chmod(0o755)
    return prefix


def analyze(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [needs.program("systemd-analyze"), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def test_systemd_accepts_the_units(installed: Path) -> None:
    done = analyze("verify", *(installed / path.name for path in (*SERVICES, *TIMERS)))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_systemd_finds_what_is_wrong_in_a_unit(installed: Path) -> None:
    broken = installed / "broken.service"
    broken.write_text((installed / "crawljobs-scheduler.service").read_text() + "Resart=always\n")
    assert "Resart" in analyze("verify", broken).stderr
    broken.unlink()


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_a_service_is_hardened(installed: Path, path: Path) -> None:
    options = ("--offline=true", f"--threshold={EXPOSURE_MAX}")
    done = analyze("security", *options, installed / path.name)
    assert done.returncode == 0, done.stdout


def unit(name: str) -> Unit:
    return systemd_units.read(FOLDER / name)


def test_a_scheduler_may_have_all_threads_of_webhooks() -> None:
    senders = webhook_fairness.IN_ALL + claiming.PINGS
    lookups = resolver.THREADS + resolver.ABANDONED_MAX
    assert (
        int(unit("crawljobs-scheduler.service").one("TasksMax"))
        >= senders + lookups + OTHER_THREADS
    )


def test_the_time_of_a_stop_is_longer_than_the_process_needs() -> None:
    worker = unit("crawljobs-worker@.service")
    drain = float(worker.variables["DRAIN_SECONDS"])
    assert drain == settings.read_queue_settings({}).drain_seconds
    assert worker.seconds("TimeoutStopSec") >= drain + worker_process.LATE_SECONDS + END_SECONDS
    api = unit("crawljobs-admin-api.service")
    # The module itself needs the settings of a service when it is imported.
    code = (systemd_units.ROOT / "services/admin_api/gunicorn_conf.py").read_text()
    (graceful,) = re.findall(r"^graceful_timeout = (\d+)$", code, re.MULTILINE)
    assert api.seconds("TimeoutStopSec") >= int(graceful) + END_SECONDS
    scheduler = unit("crawljobs-scheduler.service")
    drain = scheduler_process.GRACE_SECONDS + deliverer.DRAIN_SECONDS
    assert scheduler.seconds("TimeoutStopSec") >= drain + END_SECONDS


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_a_service_is_started_and_stopped_as_its_process_expects(path: Path) -> None:
    found = systemd_units.read(path)
    command = Path(found.one("ExecStart").split()[0])
    if path.stem == "crawljobs-backup":
        assert (FOLDER / command.name).is_file()
    else:
        assert command.parent == Path(PREFIX, "venv/bin")
        assert command.name in commands.NAMES
    # Only gunicorn reports readiness to systemd.
    expected = {"crawljobs-admin-api": "notify", "crawljobs-migrate": "oneshot"}
    expected |= {"crawljobs-backup": "oneshot"}
    assert found.one("Type") == expected.get(path.stem, "exec")
    assert found.one("KillSignal") == "SIGTERM"
    if found.one("Type") != "oneshot":
        # gunicorn's workers and the threads of a worker stop by the signal to the main process.
        assert found.one("KillMode") == "mixed"
        assert found.one("Restart") == "always"
        assert found.one("StartLimitIntervalSec") == "0"


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_secrets_are_credentials_and_on_no_command_line(path: Path) -> None:
    found = systemd_units.read(path)
    files = {name: value for name, value in found.variables.items() if name.endswith("_FILE")}
    assert set(files.values()) == {f"%d/{name}" for name in found.credentials}
    words = ("PASSWORD", "TOKEN", "SECRET", "DATABASE_URL")
    shown = {name for name in found.variables if any(word in name for word in words)}
    assert shown == files.keys()
    assert set(found.variables) <= service_variables.known()
    assert "%d" not in found.one("ExecStart")
    assert not any(word in found.one("ExecStart").upper() for word in words)


def test_each_service_knows_the_password_of_its_own_role_alone() -> None:
    owners = {
        "crawljobs-admin-api": "admin_api",
        "crawljobs-worker@": "crawler_worker",
        "crawljobs-scheduler": "scheduler",
        "crawljobs-migrate": "owner",
        "crawljobs-backup": None,
    }
    assert owners.keys() == {path.stem for path in SERVICES}
    for stem, role in owners.items():
        sources = {path.name for path in unit(f"{stem}.service").credentials.values()}
        known = {name for name in sources if "database" in name}
        assert known == ({f"{role}_database_url"} if role else set())


def test_ports_of_the_probes_differ() -> None:
    found = [systemd_units.read(path).variables.get("PROBE_BIND") for path in SERVICES]
    ports = [port.replace("%i", "1") for port in found if port]
    assert len(ports) == len(set(ports)) == 3
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_services_start_after_the_migration_also_when_it_failed() -> None:
    """The previous version goes on when an upgrade fails: each service checks the schema itself."""
    services = [found for found in map(systemd_units.read, SERVICES) if "Restart" in found.values]
    assert len(services) == 3
    for found in services:
        assert "crawljobs-migrate.service" in found.one("After").split()
        assert "crawljobs-migrate.service" in found.one("Wants").split()
        assert not found.values.keys() & {"Requires", "Requisite", "BindsTo"}


@contextlib.contextmanager
def notify_socket(path: Path) -> Iterator[socket.socket]:
    """Listen as systemd does: each message comes with the process that sent it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        listener.settimeout(DEADLINE_SECONDS)
        listener.bind(str(path))
        yield listener


def test_the_api_notifies_systemd(open_folder: Path, database_url: str) -> None:
    """The main process sends READY=1. systemd ignores messages of other processes."""
    path = open_folder / "notify"
    with notify_socket(path) as listener:
        server = admin_api.start_gunicorn(open_folder, database_url, NOTIFY_SOCKET=str(path))
        try:
            message, extra, *_ = listener.recvmsg(4096, socket.CMSG_SPACE(12))
        finally:
            server.stop()
    assert "READY=1" in message.decode().splitlines()
    ((level, kind, credentials),) = extra
    assert (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS)
    assert struct.unpack("3i", credentials)[0] == server.process.pid
    assert unit("crawljobs-admin-api.service").values.get("NotifyAccess", ["main"]) == ["main"]
