"""No secret of the three processes is in their output or in the database, even after errors.

Each process logs in with its own role, so the tests also check that its rights are enough.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql

from crawljobs.db.administration import grants
from support import admin_api, crew, probes, reddit_sandbox, roles, service_process
from support.admin_api import Gunicorn
from support.databases import Databases
from support.service_process import ServiceProcess
from support.waiting import wait_until

DEADLINE_SECONDS = 30  # limit for an overloaded machine
JOBS, TOKENS = "/api/admin/jobs", "/api/admin/tokens"
CLIENT, CLIENT_SECRET = "tests", "canary-of-the-reddit-client"
GUESS = "canary-of-a-wrong-token-0123456789abcdef"
# Tables that must hold secrets: hashes of API tokens, and Reddit's token for all workers.
VAULTS = {"api_tokens", "reddit_tokens"}
REFUSED = "is not permitted to log in"  # the server's message, which all three processes log
COLLECTOR_TOKEN = "canary-of-the-collector"
QUICK = {
    "LOG_LEVEL": "DEBUG",
    "PROBE_BIND": "127.0.0.1:0",
    "SCHEDULER_TICK_SECONDS": "1",
    # No process listens at this address, so each export fails and is logged.
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
    "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{COLLECTOR_TOKEN}",
}


@dataclass
class Watched:
    api: Gunicorn
    worker: ServiceProcess
    scheduler: ServiceProcess
    own: roles.Roles
    conn: "psycopg.Connection[Any]"
    told: list[str] = field(default_factory=list)  # every answer except the one with the new token

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        with self.api.client() as client:
            answer = client.request(method, path, **options)
        self.told.append(f"{answer.headers} {answer.text}")
        return answer

    def wait_for_job(self, job_id: int, status: str) -> None:
        wait_until(
            lambda: self.ask("GET", f"{JOBS}/{job_id}").json()["status"] == status,
            timeout=DEADLINE_SECONDS,
            describe=lambda: self.told[-1] + self.worker.told(),
        )

    def logs(self) -> list[str]:
        return [
            self.api.log_text(),
            self.worker.log.read_text(errors="replace"),
            self.scheduler.log.read_text(errors="replace"),
        ]

    def kept(self) -> list[str]:
        """Return each row of each table, without the tables that must hold secrets."""
        return [
            str(row)
            for table in grants.TABLES
            if table not in VAULTS
            for (row,) in self.conn.execute(
                sql.SQL("SELECT CAST({0} AS text) FROM {0}").format(sql.Identifier(table))
            )
        ]

    def metrics(self) -> list[str]:
        (port,) = {
            line["port"] for line in self.api.log_lines() if line["action"] == "probes.listening"
        }
        addresses = [f"http://127.0.0.1:{port}"]
        addresses += [probes.address(one) for one in (self.worker, self.scheduler)]
        return [probes.text(url) for url in addresses]


@pytest.fixture
def watched(databases: Databases, tmp_path: Path) -> Iterator[Watched]:
    with (
        roles.made(databases) as own,
        reddit_sandbox.serve("--rate-limit", 10_000_000) as sandbox,
        psycopg.connect(own.url, autocommit=True) as conn,
    ):
        workers = crew.Crew(tmp_path, own.url_as(grants.CRAWLER_WORKER), sandbox_url=sandbox.url)
        scheduler = service_process.start(
            "scheduler",
            name="scheduler-1",
            log=tmp_path / "scheduler.log",
            variables={"DATABASE_URL": own.url_as(grants.SCHEDULER), **QUICK},
        )
        api = admin_api.start_gunicorn(
            tmp_path,
            own.url_as(grants.ADMIN_API),
            ADMIN_API_WORKERS="1",
            PROMETHEUS_MULTIPROC_DIR=str(tmp_path / "metrics"),
            **QUICK,
        )
        reddit = {"REDDIT_CLIENT_ID": CLIENT, "REDDIT_CLIENT_SECRET": CLIENT_SECRET}
        try:
            worker = workers.started(crew.PRODUCTION, **reddit, **QUICK)
            yield Watched(api, worker, scheduler, own, conn)
        finally:
            workers.close()
            scheduler.kill()
            api.stop()


def test_no_secret_is_in_a_log_an_answer_a_metric_or_a_row(watched: Watched) -> None:
    named = work(watched)
    guess(watched)
    break_a_rule_of_ours(watched)
    lose_the_right_to_log_in(watched)
    (access_token,) = watched.conn.execute("SELECT access_token FROM reddit_tokens").fetchone()
    basic = base64.b64encode(f"{CLIENT}:{CLIENT_SECRET}".encode()).decode()
    secrets = [watched.own.password, admin_api.TOKEN, named, CLIENT_SECRET, basic, GUESS]
    secrets.append(COLLECTOR_TOKEN)
    secrets.append(str(access_token))
    told = [*watched.logs(), *watched.told, *watched.metrics(), *watched.kept()]
    assert all(len(secret) > 10 for secret in secrets)
    assert [secret for secret in secrets if any(secret in text for text in told)] == []
    for sign in ("auth.refused", "InsufficientPrivilege", "tracing.started", REFUSED):
        assert any(sign in text for text in told), sign


def work(watched: Watched) -> str:
    """Make and use a token, fire a schedule and end a crawl. Return the token."""
    named = {"name": "ci", "scopes": ["read", "jobs"]}
    with watched.api.client() as client:
        made = client.post(TOKENS, json=named, headers={"Idempotency-Key": "once"})
        again = client.post(TOKENS, json=named, headers={"Idempotency-Key": "once"})
    assert (made.status_code, again.status_code) == (201, 409)
    token = str(made.json()["token"])
    bearer = {"Authorization": f"Bearer {token}"}
    job = watched.ask("POST", JOBS, json={"subreddit": "tiny_one"}, headers=bearer).json()["job"]
    schedule = {"name": "one", "subreddit": "tiny_two", "cron_expression": "@daily"}
    schedule_id = watched.ask("POST", "/api/admin/scheduled-jobs", json=schedule).json()["id"]
    watched.conn.execute("UPDATE scheduled_jobs SET next_run_at = now()")
    watched.wait_for_job(job["id"], "succeeded")
    watched.scheduler.wait_for("schedule.fired", schedule_id=schedule_id)
    return token


def guess(watched: Watched) -> None:
    """Send wrong tokens, and tokens in wrong places."""
    wrong = {"Authorization": f"Bearer {GUESS}"}
    assert watched.ask("GET", JOBS, headers=wrong).status_code == 401
    assert watched.ask("GET", JOBS, headers={"Authorization": GUESS}).status_code == 401
    for token in (GUESS, admin_api.TOKEN):
        with watched.api.client() as client:  # the answer names the parameter but not its value
            assert client.get(JOBS, params={"token": token}).status_code == 400
        assert watched.ask("POST", JOBS, content=f'{{"token": "{token}"').status_code == 415


def break_a_rule_of_ours(watched: Watched) -> None:
    """Cause an internal error. The frames of its traceback hold the token and the statement."""
    role = f"{watched.own.prefix}_{grants.ADMIN_API}"
    watched.conn.execute(f"REVOKE INSERT ON admin_audit_log FROM {role}")
    assert watched.ask("POST", JOBS, json={"subreddit": "tiny_pots"}).status_code == 500
    watched.conn.execute(f"GRANT INSERT ON admin_audit_log TO {role}")


def lose_the_right_to_log_in(watched: Watched) -> None:
    """End all sessions and forbid new sessions for a while.

    A wrong password would not always do this, because some servers do not check passwords.
    """
    kinds = (grants.ADMIN_API, grants.CRAWLER_WORKER, grants.SCHEDULER)
    names = [f"{watched.own.prefix}_{kind}" for kind in kinds]
    for name in names:
        watched.conn.execute(f"ALTER ROLE {name} NOLOGIN")
    ending = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ANY(%s)"
    watched.conn.execute(ending, [names])
    watched.ask("GET", JOBS)
    for number in range(len(kinds)):
        wait_until(
            lambda number=number: REFUSED in watched.logs()[number],  # type: ignore[misc]
            timeout=DEADLINE_SECONDS,
            describe=lambda number=number: watched.logs()[number],  # type: ignore[misc]
        )
    for name in names:
        watched.conn.execute(f"ALTER ROLE {name} LOGIN")
    wait_until(
        lambda: watched.ask("POST", JOBS, json={"subreddit": "tiny_own"}).status_code == 201,
        timeout=DEADLINE_SECONDS,
        describe="the API to be back",
    )
    (job_id,) = watched.conn.execute("SELECT max(id) FROM crawl_jobs").fetchone()  # type: ignore[misc]
    watched.wait_for_job(job_id, "succeeded")
    assert watched.scheduler.is_alive()
