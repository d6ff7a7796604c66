"""Each log line has the name of its process, and misspelt settings cause one warning."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support import admin_api, crew, service_process
from support.admin_api import Gunicorn
from support.service_process import SOURCE_ROOTS, ServiceProcess

ROOT = Path(__file__).parents[2]
CANARY = "canary-of-a-value"
WRONG = {
    "MAX_RETRIE": CANARY,
    "REDDIT_CLIENT_SECRT_FILE": CANARY,
    # Kubernetes sets these variables.
    "CRAWLJOBS_PORT_8000_TCP": CANARY,
    "ADMIN_API_PORT_8000_TCP_ADDR": CANARY,
}
WARNED = [
    "MAX_RETRIE (did you mean MAX_RETRIES?)",
    "REDDIT_CLIENT_SECRT_FILE (did you mean REDDIT_CLIENT_SECRET_FILE?)",
]


def check(lines: list[dict[str, Any]], name: str) -> None:
    assert len(lines) > 1
    assert {line["instance"] for line in lines} == {name}
    (warned,) = (line for line in lines if line["action"] == "settings.unknown")
    assert (warned["level"], warned["ignored"]) == ("warning", WARNED)
    assert CANARY not in json.dumps(lines)


def test_scheduler_and_worker_name_themselves(tmp_path: Path, database_url: str) -> None:
    workers = crew.Crew(tmp_path, database_url)
    scheduler = service_process.start(
        "scheduler",
        name="scheduler-1",
        log=tmp_path / "scheduler.log",
        variables={"DATABASE_URL": database_url, **WRONG},
    )
    try:
        worker = workers.started(crew.PRODUCTION, **WRONG)
        scheduler.wait_for("scheduler.started")
        for process in (worker, scheduler):
            stopped(process)
            check(process.log_lines(), process.name)
    finally:
        workers.close()
        scheduler.kill()


def stopped(process: ServiceProcess) -> None:
    code, _ = process.terminate()
    assert code == 0, process.told()


@pytest.mark.parametrize("given", ["api-1", None])
def test_each_process_of_the_admin_api_names_itself(
    tmp_path: Path, database_url: str, given: str | None
) -> None:
    named = {} if given is None else {"INSTANCE_NAME": given}
    server = admin_api.start_gunicorn(
        tmp_path, database_url, ADMIN_API_WORKERS="2", **named, **WRONG
    )
    try:
        pids = server.worker_pids() | {server.process.pid}
    finally:
        assert server.stop() == 0
    if given:
        check(server.log_lines(), given)
    else:
        check_default_names(server, pids)


def check_default_names(server: Gunicorn, pids: set[int]) -> None:
    """The default name has the id of the process that wrote the line."""
    lines = server.log_lines()
    names = {line["instance"].rpartition(":") for line in lines}
    assert {int(pid) for *_, pid in names} == pids
    assert all(name.startswith("admin-api@") for name, *_ in names)
    assert sum(line["action"] == "settings.unknown" for line in lines) == 1


def test_the_migrations_name_themselves(database_url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from crawljobs.migrate import program; program.command()", "check"],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in SOURCE_ROOTS),
            "DATABASE_URL": database_url,
            "INSTANCE_NAME": "migrate-1",
            **WRONG,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    (line,) = map(json.loads, done.stderr.splitlines())
    assert (line["instance"], line["action"]) == ("migrate-1", "settings.unknown")
    assert CANARY not in done.stderr
