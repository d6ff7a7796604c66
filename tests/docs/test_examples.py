"""The examples run against the real API. Their README lists each function."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawljobs.db.database import Database
from support import admin_api, needs
from support.admin_api import Gunicorn

FOLDER = Path(__file__).parents[2] / "docs" / "examples"
SCRIPT = FOLDER / "job_api_examples.sh"
README = (FOLDER / "README.md").read_text()
DEADLINE_SECONDS = 90


@pytest.fixture
def server(tmp_path: Path, database_url: str) -> Iterator[Gunicorn]:
    running = admin_api.start_gunicorn(tmp_path, database_url, ADMIN_API_WORKERS="1")
    yield running
    running.stop()


def run(server: Gunicorn, *command: str) -> subprocess.CompletedProcess[str]:
    needs.program("curl")
    return subprocess.run(
        [needs.program("bash"), "-c", f'source "{SCRIPT}"; "$@"', "bash", *command],
        env={
            "PATH": os.environ["PATH"],
            "API": server.url,
            "ADMIN_API_TOKEN": admin_api.TOKEN,
            "WATCH_SECONDS": "1",
        },
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def test_the_whole_script_runs_twice_and_leaves_its_jobs(
    server: Gunicorn, database: Database
) -> None:
    ran = run(server, "main")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "enqueued: 2" in ran.stdout
    assert "watched: queued" in ran.stdout  # no worker runs in this test
    assert "retried: 0" in ran.stdout
    assert '"by_status"' in ran.stdout
    with database.begin() as conn:
        jobs = conn.exec_driver_sql("SELECT status, count(*) FROM crawl_jobs GROUP BY 1").all()
        schedule = conn.exec_driver_sql("SELECT cron_expression, timezone FROM scheduled_jobs")
        assert {tuple(row) for row in jobs} == {("queued", 3), ("cancelled", 1)}
        assert [tuple(row) for row in schedule] == [("0 6 * * *", "Europe/Berlin")]
    again = run(server, "main")
    assert again.returncode == 0, again.stdout + again.stderr


def test_failed_jobs_are_counted_and_retried(server: Gunicorn, database: Database) -> None:
    for name in ("one", "two"):
        job = run(server, "crawl_soon", f"failed_{name}").stdout.strip()
        with server.client() as client:
            assert client.post(f"/api/admin/jobs/{job}/give_up").status_code == 200
    assert run(server, "retry_failed").stdout == "2\n"


def test_an_error_of_the_api_ends_the_script_and_is_printed(server: Gunicorn) -> None:
    ran = run(server, "crawl_soon", "not valid!")
    assert ran.returncode != 0
    assert '"invalid_request"' in ran.stderr
    assert "Traceback" not in ran.stderr
    unknown = run(server, "explain", "123456")
    assert unknown.returncode != 0
    assert '"not_found"' in unknown.stderr


def test_the_readme_lists_every_function_and_no_other() -> None:
    functions = set(re.findall(r"^(\w+)\(\) \{", SCRIPT.read_text(), re.MULTILINE))
    listed = set(
        re.findall(r"`(\w+)[^`]*`", "".join(re.findall(r"^\| `.*?\|", README, re.MULTILINE)))
    )
    assert listed == functions - {"authorization", "call", "field", "main"}
