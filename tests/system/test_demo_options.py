"""`./run demo` with other options, and how the demo ends."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from onebox import listener
from support import demo, processes, reddit_sandbox
from support.demo import Demo
from support.waiting import wait_until

# These limits save requests whose results other tests check.
SMALL = {"USER_SUB_FETCH_LIMIT": "3", "MAX_COMMENTS_PER_POST": "50"}

QUICK = {
    "LEASE_SECONDS": "2",
    "RESCUE_SECONDS": "0.2",
    "POLL_SECONDS": "0.5",
    # Otherwise discovery would use the processor until the end of the demo.
    "DISCOVERY_MAX_DEPTH": "1",
    "USER_SUB_ENQUEUE_MAX": "1",
    **SMALL,
}


@pytest.fixture
def doomed(open_folder: Path) -> Iterator[Demo]:
    """Yield a demo that only one test uses, because the test ends it."""
    with demo.started(open_folder / "data", "--subreddits", "LunarAtlas", **QUICK) as running:
        yield running


def rows(url: str, query: str) -> list[Any]:
    with psycopg.connect(url, connect_timeout=5) as connection:
        return connection.execute(query).fetchall()


def test_ctrl_c_stops_everything_in_order(doomed: Demo) -> None:
    wait_until(  # the summary below counts what the demo has stored
        lambda: rows(doomed.database_url, "SELECT 1 FROM posts LIMIT 1"),
        timeout=60,
        describe=doomed.said,
    )
    family = doomed.family()
    data = doomed.ready_file.with_suffix("")
    doomed.process.send_signal(signal.SIGINT)
    assert doomed.process.wait(30) == 0
    said = doomed.said()
    assert re.search(
        r"^This run took 0:\d\d:\d\d and sent [1-9]\d* requests\. ", said, re.MULTILINE
    )
    assert re.search(r"^The database now holds, of all runs: .*posts [1-9]", said, re.MULTILINE)
    assert f"\nThe data stays in {data}. " in said
    assert not re.search(r"[^\x20-\x7e\n]", said)
    processes.wait_until_gone(family, timeout=20)
    assert not doomed.ready_file.exists()
    assert not (data / "api-url").exists()
    assert "database system is shut down" in (data / "logs" / "postgres.log").read_text()


@pytest.mark.parametrize("module", ["onebox", "onebox.postgres.psql", "reddit_sandbox"])
def test_the_help_fits_a_screen(module: str) -> None:
    shown = subprocess.run(
        [sys.executable, "-P", "-m", module, "--help"],
        capture_output=True,
        text=True,
        env=demo.environment(COLUMNS="80"),
        timeout=60,
        check=True,
    )
    lines = shown.stdout.splitlines()
    assert 5 < len(lines) <= 24
    assert max(map(len, lines)) <= 80


def test_once_fails_when_a_crawl_does_with_a_port_a_database_and_a_token_of_ones_own(
    open_folder: Path, database_url: str
) -> None:
    """The usual port is taken, and the settings name another database and another token."""
    secret = open_folder / "secret"
    secret.write_text("k3J9xQ2mZ8vB5nW1rT7yU4pL6sD0fGhA")
    arguments = ("--once", "--workers", "1", "--subreddits", "tiny_own,badreq_own")
    own = {"DATABASE_URL": database_url, "ADMIN_API_TOKEN_FILE": str(secret)}
    settings = {**own, "MAX_RETRIES": "0", **SMALL}
    with contextlib.ExitStack() as stack:
        # This process or another one uses the usual port, as when two demos run side by side.
        with contextlib.suppress(OSError):
            stack.enter_context(socket.create_server((listener.HOST, listener.USUAL_PORT)))
        done = demo.run(*arguments, "--data", str(open_folder / "data"), **settings)
    chosen = re.search(
        r"^Another process uses port 8000, so .* port (\d+)\.", done.stdout, re.MULTILINE
    )
    assert chosen, done.stdout + done.stderr
    assert f"\nAPI       http://127.0.0.1:{chosen[1]}, " in done.stdout
    address = rf"\nDashboard http://127\.0\.0\.1:{chosen[1]}/ui/#token=(\S+)\n"
    assert re.search(address, done.stdout), done.stdout
    tokens = "SELECT scopes, revoked_at IS NOT NULL, expires_at < now() + interval '12 h' FROM"
    scopes = ["content", "jobs", "read", "schedules"]
    ((found, *rest),) = rows(database_url, f"{tokens} api_tokens")
    assert (sorted(found), rest) == (scopes, [True, True])
    assert done.returncode == 1, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["jobs"] == {"failed": 1, "succeeded": 1}
    assert told["posts"] >= 5
    assert rows(database_url, "SELECT count(*) FROM posts") == [(told["posts"],)]
    assert not (open_folder / "data" / "postgres").exists()
    assert f"Token     {secret}\n" in done.stdout
    assert not (open_folder / "data" / "admin-token").exists()


@pytest.mark.parametrize(
    ("control", "body", "cause", "remedy"),
    [
        pytest.param(
            "tokens",
            {"mode": "refused"},
            "Reddit refuses the credentials (",
            "remedy: correct REDDIT_CLIENT_ID and REDDIT_CLIENT_SECRET",
            marks=pytest.mark.deep,
        ),
        (
            "replies",
            {"path": "/", "status": 403, "body": "html"},
            "Reddit refuses the client (403",
            "remedy: the client id or the address of the workers is blocked",
        ),
    ],
)
def test_once_ends_when_reddit_refuses_the_client(
    open_folder: Path,
    database_url: str,
    control: str,
    body: dict[str, object],
    cause: str,
    remedy: str,
) -> None:
    with reddit_sandbox.serve() as sandbox:
        answer = httpx.post(f"{sandbox.url}/sandbox/{control}", json=body, trust_env=False)
        assert answer.status_code == 200
        done = demo.run(
            *("--once", "--port", "0", "--workers", "2", "--subreddits", "tiny_own,tiny_two"),
            *("--data", str(open_folder / "data")),
            DATABASE_URL=database_url,
            REDDIT_CLIENT_ID="mine",
            REDDIT_CLIENT_SECRET="wrong",
            REDDIT_API_URL=sandbox.url,
            REDDIT_AUTH_URL=sandbox.url,
            **SMALL,
        )
    assert done.returncode == 1, done.stdout + done.stderr
    states = json.loads(done.stdout.splitlines()[-1])["jobs"]
    assert sum(states.values()) == 2
    assert states.keys() <= {"waiting", "queued", "crawling"}
    *_, said, how = done.stderr.splitlines()
    assert said.startswith(cause)
    assert how.startswith(remedy)


def test_once_ends_at_the_limit_or_at_ctrl_c_with_the_table(
    open_folder: Path, database_url: str
) -> None:
    """Nothing listens at the address of Reddit, so the job waits."""
    nowhere = dict.fromkeys(("REDDIT_API_URL", "REDDIT_AUTH_URL"), "http://127.0.0.1:9")
    client = {"REDDIT_CLIENT_ID": "me", "REDDIT_CLIENT_SECRET": "s", **nowhere}
    arguments = ("--once", "--workers", "1", "--schedulers", "0", "--subreddits", "tiny_own")
    data = open_folder / "data"
    with demo.started(data, *arguments, DATABASE_URL=database_url, **client) as running:
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(30) == 128 + signal.SIGINT
        said = running.said()
    assert "Stopping ...\n" in said
    assert said.index("Stopping ...") < said.index("r/tiny_own ", said.index("Stopping ..."))
    (told,) = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert sum(told["jobs"].values()) == 1
    done = demo.run(
        *arguments,
        "--minutes=0.05",
        "--port=0",
        "--data",
        str(data),
        DATABASE_URL=database_url,
        **client,
    )
    assert done.returncode == 1
    assert "The 0.05 minutes are over. Stopping ...\n" in done.stdout
    assert sum(json.loads(done.stdout.splitlines()[-1])["jobs"].values()) == 1


def test_a_pooler_is_passed_by_to_migrate_and_to_see_who_is_at_work(
    open_folder: Path, empty_database_url: str
) -> None:
    """The pooler's user may not create tables, so the migration must use the direct address."""
    address = psycopg.conninfo.conninfo_to_dict(empty_database_url)
    role = f"crawltest_{os.urandom(6).hex()}"
    place = f"{address['host']}:{address['port']}/{address['dbname']}"
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{role}'".encode())
        rights = "SELECT, INSERT, UPDATE, DELETE ON TABLES"
        connection.execute(f"ALTER DEFAULT PRIVILEGES GRANT {rights} TO {role}".encode())
        connection.execute(f"ALTER DEFAULT PRIVILEGES GRANT USAGE ON SEQUENCES TO {role}".encode())
        try:
            settings = {
                "DATABASE_URL": f"postgresql://{role}:{role}@{place}",
                "DATABASE_DIRECT_URL": empty_database_url,
                **QUICK,
            }
            data = open_folder / "data"
            with demo.started(data, "--subreddits", "tiny_own", **settings) as running:
                assert running.ready["database_url"] == settings["DATABASE_URL"]
        finally:
            connection.execute(f"DROP OWNED BY {role}".encode())
            connection.execute(f"DROP ROLE {role}".encode())


def test_each_process_is_given_the_secrets_it_needs_and_a_kill_leaves_no_process(
    open_folder: Path,
) -> None:
    """No secret is on a command line. After kill -9 of the demo, its processes end."""
    token, reddit = "canary4token0123456789abcdefghijk", "canary4reddit"
    others = {"GITHUB_TOKEN": "canary4github", "OWNER_DATABASE_PASSWORD": "canary4owner"}
    client = {"REDDIT_CLIENT_ID": "me", "REDDIT_CLIENT_SECRET": reddit, **others}
    nowhere = dict.fromkeys(("REDDIT_API_URL", "REDDIT_AUTH_URL"), "http://127.0.0.1:9")
    with demo.started(
        open_folder / "data", "--workers", "1", ADMIN_API_TOKEN=token, **client, **nowhere
    ) as running:
        known = {running.process.pid: "demo"}
        known |= {pid: role for role, pids in running.ready["pids"].items() for pid in pids}
        seen: dict[str, set[str]] = {}
        for process in running.family():
            # A process of Postgres, for example an autovacuum worker, may end at any time.
            with contextlib.suppress(psutil.NoSuchProcess):
                # A process that is not known is a child process of gunicorn.
                role = known.get(process.pid) or known[process.ppid()]
                variables = process.environ()
                text = " ".join(variables.values())
                found = {one for one in (token, reddit, *others.values()) if one in text}
                owner = conninfo_to_dict(variables.get("DATABASE_URL", "")).get("user")
                seen.setdefault(role, set()).update(found, {str(owner)} if owner else ())
                line = " ".join(process.cmdline())
                assert "canary4" not in line, line
                assert str(conninfo_to_dict(running.database_url)["password"]) not in line + text
        schedules = rows(running.database_url, "SELECT count(*) FROM scheduled_jobs")
        assert schedules == [(0,)], "only the sandbox gets a schedule without a request"
        family = running.family()
        assert len(family) > 10
        running.process.kill()
        running.process.wait(20)
        processes.wait_until_gone(family, timeout=20)
    del seen["demo"]
    assert seen == {
        "postgres": set(),
        "admin-api": {token, "crawljobs_admin_api"},
        "crawler-worker": {reddit, "crawljobs_crawler_worker"},
        "scheduler": {"crawljobs_scheduler"},
    }
