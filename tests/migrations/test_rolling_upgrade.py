"""F15: during a rolling deployment, the previous code runs on the newest schema."""

import io
import os
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from alembic.script import Script, ScriptDirectory
from sqlalchemy import text

from crawljobs.db.database import Database
from crawljobs.domain.job import JobSource
from support import admin_api, crew, enqueueing, invariants, needs, reddit_sandbox, service_process
from support.waiting import wait_until

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 40
OLD = "old"
SMALL = {"MAX_POSTS_PER_SUB": "25", "MAX_REQUESTS_PER_JOB": "6", "USER_SUB_FETCH_LIMIT": "0"}
MODULES = ("crawler_worker", "scheduler")
CANDIDATES = 12  # number of commits that are tried, because some commits do not start


def git(*arguments: str) -> bytes:
    found = subprocess.run(
        [needs.program("git"), *arguments], cwd=ROOT, capture_output=True, check=False
    )
    return found.stdout if found.returncode == 0 else needs.missing("the project's history")


def commits_before(path: str) -> list[str]:
    """Return the commits before the revision's file was added, the newest first.

    If the file is not committed, return the newest commits.
    """
    added = git("log", "--format=%H", "--diff-filter=A", "--", path).split()
    since = f"{added[-1].decode()}^" if added else "HEAD"
    return git("rev-list", f"--max-count={CANDIDATES}", "--first-parent", since).decode().split()


def unpack(commit: str, folder: Path) -> Path:
    with tarfile.open(fileobj=io.BytesIO(git("archive", commit, "shared", "services"))) as tree:
        tree.extractall(folder, filter="data")
    return folder


@dataclass
class Roll:
    """Starts and ends processes of old code and of new code on one database."""

    folder: Path
    variables: dict[str, str]
    processes: list[service_process.ServiceProcess] = field(default_factory=list)

    def start(self, module: str, code: Path, age: str) -> service_process.ServiceProcess:
        path = os.pathsep.join(str(code / top) for top in ("shared", "services"))
        process = service_process.start(
            module,
            name=f"{age}-{module}",
            log=self.folder / f"{age}-{module}.log",
            variables={**self.variables, "PYTHONPATH": path},
        )
        self.processes.append(process)
        return process

    def start_old(self, folder: Path) -> Path:
        """Start the newest code before the newest revision, and return its folder.

        Commits whose services do not start on any schema are skipped.
        """
        newest = newest_revision()
        for commit in commits_before(newest.path):
            code = unpack(commit, folder / commit)
            started = [self.start(module, code, OLD) for module in MODULES]
            wait_until(
                lambda: all(has_started(one) or not one.is_alive() for one in started),  # noqa: B023
                timeout=DEADLINE_SECONDS,
                describe=lambda: [one.log.read_text()[-1000:] for one in started],  # noqa: B023
            )
            if all(one.is_alive() for one in started):
                return code
            self.close()
        raise AssertionError(f"none of the {CANDIDATES} commits before {newest.path} starts")

    def end(self) -> None:
        for process in self.processes:
            assert process.terminate()[0] == 0, process.log.read_text()[-2000:]
            crashes = process.logged("worker.crashed") + process.logged("job.crashed")
            assert crashes + process.logged("scheduler.crashed") == []

    def close(self) -> None:
        while self.processes:
            process = self.processes.pop()
            process.kill()
            process.log.unlink()


def newest_revision() -> Script:
    scripts = ScriptDirectory(str(ROOT / "migrations"))
    return scripts.get_revision(scripts.get_current_head() or "")


def has_started(process: service_process.ServiceProcess) -> bool:
    return any(
        line["action"].endswith((".started", ".waiting_for_schema")) for line in process.log_lines()
    )


def runs_here(code: Path) -> bool:
    """Return whether the newest revision admits the code, in a form that the code can read."""
    newest = newest_revision()
    oldest = getattr(newest.module, "runs_code_from", newest.revision)
    schema = (code / "shared/crawljobs/db/schema.py").read_text()
    return oldest < newest.revision and "obj_description" in schema


@pytest.fixture
def roll(database_url: str, tmp_path: Path) -> Iterator[Roll]:
    with reddit_sandbox.serve("--rate-limit", 10_000_000) as sandbox:
        variables = {
            **crew.QUICK,
            **SMALL,
            "DATABASE_URL": database_url,
            "REDDIT_CLIENT_ID": "tests",
            "REDDIT_CLIENT_SECRET": "tests",
            "REDDIT_API_URL": sandbox.url,
            "REDDIT_AUTH_URL": sandbox.url,
            "SCHEDULER_TICK_SECONDS": "1",
        }
        rolling = Roll(tmp_path, variables)
        yield rolling
        rolling.close()


def test_old_code_runs_beside_new_code_or_refuses_the_schema_by_name(
    database: Database, database_url: str, roll: Roll, tmp_path: Path
) -> None:
    code = roll.start_old(tmp_path)
    if not runs_here(code):
        for process in roll.processes:
            told = process.wait_for("database.waiting_for_schema")
            assert "this code knows" in told["reason"]
        return
    jobs = enqueue(database, "first_", 6)
    wait_until_ended(database, jobs)
    assert workers_of(database, jobs) == {"old-crawler_worker"}
    for module in MODULES:
        roll.start(module, ROOT, "new")
    old_path = os.pathsep.join(str(code / top) for top in ("shared", "services"))
    api = admin_api.start_gunicorn(tmp_path, database_url, PYTHONPATH=old_path)
    try:
        jobs |= enqueue(database, "second_", 12) | use(api)
        wait_until_ended(database, jobs)
    finally:
        api.stop()
    roll.end()
    with database.begin() as conn:
        invariants.check(conn, accepted=jobs)


def enqueue(database: Database, prefix: str, count: int) -> set[int]:
    names = [f"{prefix}{number}" for number in range(count)]
    with database.begin() as conn:
        made = enqueueing.enqueue_many(
            conn, subreddits_named=names, priority=50, source=JobSource.USER
        )
    return {one.job_id for one in made}


def use(api: admin_api.Gunicorn) -> set[int]:
    """Create a job, and a schedule that is due soon, through the API of the old code."""
    with api.client() as client:
        assert client.get("/readyz").status_code == 200
        made = client.post("/api/admin/jobs", json={"subreddit": "by_old_api"})
        assert made.status_code == 201, made.text
        schedule = {"name": "s", "subreddit": "by_schedule", "cron_expression": "* * * * *"}
        answer = client.post("/api/admin/scheduled-jobs", json=schedule)
        assert answer.status_code == 201, answer.text
        run = client.post(f"/api/admin/scheduled-jobs/{answer.json()['id']}/run")
        assert run.status_code in (200, 201, 202), run.text
        return {made.json()["job"]["id"]}


def wait_until_ended(database: Database, jobs: set[int]) -> None:
    wait_until(
        lambda: (
            not value(
                database,
                "SELECT count(*) FROM crawl_jobs WHERE status <> 'succeeded' AND id = ANY(:ids)",
                ids=sorted(jobs),
            )
        ),
        timeout=DEADLINE_SECONDS,
        describe="the jobs to succeed",
    )


def workers_of(database: Database, jobs: set[int]) -> set[str]:
    with database.begin() as conn:
        rows = conn.exec_driver_sql(
            "SELECT DISTINCT worker FROM crawl_job_attempts WHERE job_id = ANY(%s)", (sorted(jobs),)
        )
        return {row.worker for row in rows}


def value(database: Database, query: str, **values: object) -> int:
    with database.begin() as conn:
        return int(conn.execute(text(query), values).scalar_one())
