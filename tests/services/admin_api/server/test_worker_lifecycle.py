"""A real gunicorn server starts, refuses to start with wrong settings, and ends."""

import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from support.admin_api import (
    TOKEN,
    gunicorn_command,
    gunicorn_environment,
    start_gunicorn,
)
from support.processes import family, wait_until_gone
from support.waiting import wait_until

JOBS = "/api/admin/jobs"


# The sentence of a refusal, and the wrong settings. tests/shared/test_settings.py tries more.
WRONG: list[tuple[str, dict[str, str]]] = [
    ("ADMIN_API_TOKEN has 31 characters", {"ADMIN_API_TOKEN": "t" * 31}),
    ("DATABASE_URL: expected", {"DATABASE_URL": "mysql://x"}),
    ("ADMIN_API_TOKEN (or ADMIN_API_TOKEN_FILE) is missing", {"ADMIN_API_TOKEN": ""}),
    ("ADMIN_API_TOKEN looks like a placeholder", {"ADMIN_API_TOKEN": "changeme-" * 4}),
    ("ADMIN_API_TOKEN_FILE", {"ADMIN_API_TOKEN": "", "ADMIN_API_TOKEN_FILE": "/nowhere"}),
    ("DATABASE_URL is missing", {"DATABASE_URL": ""}),
    ("TRUSTED_PROXIES='everyone'", {"TRUSTED_PROXIES": "everyone"}),
    ("ADMIN_API_WORKERS='many'", {"ADMIN_API_WORKERS": "many"}),
    ("LOG_LEVEL='LOUD'", {"LOG_LEVEL": "LOUD"}),
]
BY_DEFAULT = 2  # of these; each one starts a process


@pytest.mark.parametrize(
    ("sentence", "variables"),
    [
        pytest.param(*wrong, marks=() if number < BY_DEFAULT else pytest.mark.deep)
        for number, wrong in enumerate(WRONG)
    ],
)
def test_a_wrong_setting_stops_it_with_a_sentence_before_it_listens(
    sentence: str, variables: dict[str, str]
) -> None:
    done = subprocess.run(
        gunicorn_command(),
        env=gunicorn_environment("postgresql://nobody@127.0.0.1:1/none", **variables),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode not in (0, None)
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert "Listening" not in done.stderr
    if variables.get("ADMIN_API_TOKEN"):
        assert variables["ADMIN_API_TOKEN"] not in done.stderr


@pytest.mark.parametrize("is_given", [False, True])
def test_the_folder_of_the_metrics_is_removed_when_the_server_made_it(
    tmp_path: Path, database_url: str, is_given: bool
) -> None:
    """The token comes from a file."""
    temporary, given = tmp_path / "temporary", tmp_path / "given"
    temporary.mkdir()
    secret = tmp_path / "token"
    secret.write_text(TOKEN + "\n")
    variables = {"ADMIN_API_TOKEN": "", "ADMIN_API_TOKEN_FILE": str(secret)}
    if is_given:
        variables["PROMETHEUS_MULTIPROC_DIR"] = str(given)
    server = start_gunicorn(
        tmp_path, database_url, PROBE_BIND="127.0.0.1:0", TMPDIR=str(temporary), **variables
    )
    (folder,) = [given] if is_given else temporary.glob("crawljobs-metrics-*")
    with server.client() as client:
        assert client.get(JOBS).status_code == 200
    assert list(folder.glob("*.db"))
    assert server.stop() == 0
    assert folder.exists() is is_given
    assert list(temporary.iterdir()) == []


def test_a_killed_worker_is_replaced_and_a_killed_master_takes_its_workers_along(
    tmp_path: Path, database_url: str
) -> None:
    server = start_gunicorn(tmp_path, database_url, ADMIN_API_WORKERS="1")
    try:
        (worker,) = psutil.Process(server.process.pid).children()
        os.kill(worker.pid, signal.SIGKILL)
        wait_until_gone([worker], timeout=20)
        with server.client() as client:
            assert client.get(JOBS).status_code == 200
        everyone = family(server.process.pid)
        assert len(everyone) == 2  # the master and the new worker
    finally:
        server.process.kill()
        server.process.wait(20)
    wait_until_gone(everyone, timeout=20)


def test_on_its_way_out_it_is_not_ready_and_lets_nobody_else_in(
    tmp_path: Path, database_url: str
) -> None:
    """The server refuses new connections at once. On an open connection, /readyz returns 503."""
    server = start_gunicorn(tmp_path, database_url, ADMIN_API_WORKERS="1")
    with (
        psycopg.connect(database_url) as holder,
        server.client() as busy,
        server.client() as kept,
        ThreadPoolExecutor(1) as pool,
    ):
        assert kept.get("/readyz").status_code == 200
        holder.execute("LOCK TABLE crawl_jobs IN ACCESS EXCLUSIVE MODE")
        asked = pool.submit(busy.get, JOBS)
        wait_until(lambda: waits_for_a_lock(holder), timeout=10, describe=server.log_text)
        server.process.terminate()
        wait_until(lambda: is_refused(server.url), timeout=20, describe="new ones to be refused")
        told = kept.get("/readyz")
        assert (told.status_code, told.json()["code"]) == (503, "shutting_down")
        holder.rollback()
        assert asked.result(10).status_code in (200, 503)  # an overloaded machine may lead to 503
    assert server.process.wait(30) == 0


def waits_for_a_lock(conn: "psycopg.Connection[tuple[int]]") -> bool:
    waiting = """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'
        """
    return conn.execute(waiting).fetchone() == (1,)


def is_refused(url: str) -> bool:
    try:
        httpx.get(f"{url}/healthz", timeout=0.5)
    except httpx.ConnectError:
        return True
    except httpx.TransportError:
        return False
    return False
