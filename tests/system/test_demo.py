"""`./run demo` with its real processes and the sandbox: crawls, restarts, roles and pauses."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from onebox import api_client
from support import demo
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

FEW_REQUESTS = 10
BALCONY_POSTS = 424  # number of posts in the sandbox's community BalconyGarden

JOBS = "/api/admin/jobs"
FIRST_ROW = re.compile(r"^r/tiny_one: .*, [1-9][0-9]* posts, ", re.MULTILINE)


@pytest.fixture(scope="module")
def live(module_folder: Path) -> Iterator[Demo]:
    """Yield a demo that several tests share. These tests must leave the demo usable."""
    began = time.monotonic()
    with demo.started(module_folder / "data", "--subreddits", "tiny_one", **QUICK) as running:
        wait_until(lambda: FIRST_ROW.search(running.said()), timeout=60, describe=running.said)
        running.first_row_seconds = time.monotonic() - began
        yield running


def test_a_row_with_a_stored_page_is_shown_soon_after_the_start(live: Demo) -> None:
    """README.md has the time on a free machine. Here other tests use the machine too."""
    assert "within 15 seconds" in " ".join((demo.ROOT / "README.md").read_text().split())
    assert live.first_row_seconds <= 4 * 15


def test_psql_reads_and_with_the_option_write_it_can_change(live: Demo) -> None:
    who = "SELECT current_user, current_setting('default_transaction_read_only')"
    command = [sys.executable, "-P", "-m", "onebox.postgres.psql", "--data", str(live.data)]
    for option, wanted in {(): "crawljobs_reader,on", ("--write",): "crawljobs,off"}.items():
        done = subprocess.run(
            [*command, *option, "--csv", "--tuples-only", "-c", who],
            capture_output=True,
            text=True,
            env=demo.environment(),
            timeout=30,
            check=False,
        )
        assert done.stdout.strip() == wanted, done.stderr
    assert (live.data / "reader-url").stat().st_mode & 0o777 == 0o600


def test_crawlctl_needs_no_settings_while_the_demo_runs(live: Demo, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "crawlctl", "jobs", "list", "-o", "csv"],
        capture_output=True,
        text=True,
        env=demo.environment(CRAWLCTL_DEMO=str(live.data), XDG_CONFIG_HOME=str(tmp_path)),
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "tiny_one" in done.stdout
    assert (live.data / "api-url").stat().st_mode & 0o777 == 0o600


def rows(url: str, query: str) -> list[Any]:
    with psycopg.connect(url, connect_timeout=5) as connection:
        return connection.execute(query).fetchall()


def test_once_crawls_into_the_database_and_a_second_time_adds_only_what_is_new(
    open_folder: Path,
) -> None:
    arguments = ["--once", "--port", "0", "--data", str(open_folder / "data")]
    arguments += ["--subreddits", "LunarAtlas,tiny_pots,private_pots"]
    limits = {**SMALL, "MAX_POSTS_PER_SUB": "60"}
    done = demo.run(*arguments, **limits)
    first = demo.result(done)
    assert first["jobs"] == {"succeeded": 3}
    assert "succeeded (private)" in done.stdout.rpartition("note")[2]
    assert f"The database now holds, of all runs: subreddits {first['subreddits']}" in done.stdout
    assert first["subreddits"] == 2
    assert first["posts"] > 40
    assert first["comments"] > first["posts"]
    assert first["authors"] > 10
    assert first["edges"] >= first["authors"]
    assert first["requests"] > 10
    assert 0 < first["seconds"] < 60
    picture = open_folder / "data" / "map.svg"
    assert str(picture) in done.stdout
    assert "LunarAtlas" in picture.read_text()

    second = demo.result(demo.run(*arguments, **limits))
    assert second["jobs"] == {"succeeded": 3}
    assert second["requests"] < 0.6 * first["requests"]
    stored = ("subreddits", "posts", "comments")
    assert {name: second[name] for name in stored} == {name: first[name] for name in stored}


def test_the_job_of_a_killed_worker_is_finished_and_nothing_is_stored_twice(live: Demo) -> None:
    job_id = live.api.post(JOBS, {"subreddit": "BalconyGarden", "priority": 70})["job"]["id"]

    def claimed() -> dict[str, Any]:
        job = live.api.get(f"{JOBS}/{job_id}")
        return job if job["claimed_by"] and job["progress"]["posts"] > 0 else {}

    victim = wait_until(claimed, timeout=20, describe="a worker stored a page")["claimed_by"]
    number = int(victim.rsplit("-", 1)[1])
    os.kill(live.pids("crawler-worker")[number - 1], signal.SIGKILL)

    def finished() -> dict[str, Any]:
        job = live.api.get(f"{JOBS}/{job_id}")
        return job if job["status"] not in ("crawling", "queued", "waiting") else {}

    job = wait_until(finished, timeout=60, describe=lambda: live.api.get(f"{JOBS}/{job_id}"))
    assert job["status"] == "succeeded"
    assert [(one["outcome"], one["worker"]) for one in job["attempts"]][-1] == (
        "lease_expired",
        victim,
    )
    assert len([one for one in job["attempts"] if one["outcome"] == "succeeded"]) == 1
    posts = "FROM posts JOIN subreddits s ON s.id = subreddit_id WHERE s.name = 'BalconyGarden'"
    assert rows(live.database_url, f"SELECT count(*) {posts}")[0][0] >= BALCONY_POSTS
    jobs = f"SELECT count(*) FROM crawl_jobs WHERE id >= {job_id} AND source = 'user'"
    assert rows(live.database_url, jobs) == [(1,)]
    edges = """
        SELECT count(*) FROM author_subreddits e JOIN subreddits s ON s.id = e.subreddit_id
        WHERE s.name = 'BalconyGarden' AND e.posts > (SELECT count(*) FROM posts p
            WHERE p.author_id = e.author_id AND p.subreddit_id = e.subreddit_id)
    """
    assert rows(live.database_url, edges) == [(0,)], "an edge counted a post twice"
    wait_until(
        lambda: len(live.pids("crawler-worker")) == 2,
        timeout=10,
        describe="the killed worker was started again",
    )


def test_ready_file_tells_where_everything_is_and_to_its_owner_alone(live: Demo) -> None:
    ready = live.ready
    assert live.ready_file.stat().st_mode & 0o777 == 0o600
    assert set(ready) == {"api_url", "token", "database_url", "sandbox_url", "pids"}
    roles = {role: len(pids) for role, pids in ready["pids"].items()}
    assert roles == {
        "admin-api": 1,
        "crawler-worker": 2,
        "scheduler": 1,
        "postgres": 1,
        "sandbox": 1,
    }
    assert rows(ready["database_url"], "SELECT count(*) FROM scheduled_jobs") == [(1,)]
    family = {process.pid for process in live.family()}
    assert {pid for pids in ready["pids"].values() for pid in pids} <= family


def test_each_service_works_as_a_role_of_its_own_that_suffices(live: Demo) -> None:
    """The roles were enough for all earlier tests of this demo. None can rewrite the audit log."""
    job_id = live.api.post(JOBS, {"subreddit": "tiny_own"})["job"]["id"]
    wait_until(
        lambda: live.api.get(f"{JOBS}/{job_id}")["status"] == "succeeded",
        timeout=30,
        describe=lambda: live.api.get(f"{JOBS}/{job_id}"),
    )
    sessions = """
        SELECT DISTINCT usename FROM pg_stat_activity
        WHERE datname = current_database() AND application_name ~ '^(crawljobs|admin-api)'
        ORDER BY usename
    """
    roles = [name for (name,) in rows(live.database_url, sessions)]
    assert roles == ["crawljobs_admin_api", "crawljobs_crawler_worker", "crawljobs_scheduler"]
    assert "permission denied" not in live.log("postgres")
    for name in ("admin-api-1", "crawler-worker-1", "crawler-worker-2", "scheduler-1"):
        assert "database.one_role_for_all" not in live.log(name)


def test_pseudonyms_and_erasures_need_no_settings(live: Demo) -> None:
    assert (live.data / "content-key").stat().st_mode & 0o777 == 0o600
    (name,), *_ = rows(
        live.database_url, "SELECT name FROM authors JOIN posts ON author_id = authors.id"
    )
    with httpx.Client(
        trust_env=False, timeout=20, base_url=live.ready["api_url"], headers=live.bearer
    ) as client:
        shown = client.get("/api/export/posts?pseudonyms=true")
        assert shown.status_code == 200, shown.text
        authors = {json.loads(line)["author"] for line in shown.text.splitlines()}
        assert len(authors) > 1
        assert name not in authors
        erasing = client.delete(f"/api/authors/{name}")
        assert erasing.status_code == 202, erasing.text
        operation = erasing.headers["Location"]
        wait_until(
            lambda: client.get(operation).json()["state"] == "succeeded",
            timeout=30,
            describe=lambda: client.get(operation).text,
        )
    left = f"SELECT count(*) FROM authors WHERE name = '{name}'"
    assert rows(live.database_url, left) == [(0,)]
    stored = live.api.post(JOBS, {"subreddit": "tiny_one"})["job"]["id"]
    wait_until(
        lambda: live.api.get(f"{JOBS}/{stored}")["status"] == "succeeded",
        timeout=30,
        describe=lambda: live.api.get(f"{JOBS}/{stored}"),
    )
    assert rows(live.database_url, left) == [(0,)], "a later crawl stored the author again"


def test_a_dead_postgres_is_started_again_at_the_same_address(live: Demo) -> None:
    (before,) = live.pids("postgres")
    os.kill(before, signal.SIGKILL)
    wait_until(
        lambda: live.pids("postgres") not in ([], [before]),
        timeout=20,
        describe="another Postgres",
    )
    assert rows(live.database_url, "SELECT 1") == [(1,)]
    job_id = wait_until(
        lambda: _enqueued(live, "tiny_two"), timeout=20, describe="the API enqueues again"
    )
    wait_until(
        lambda: live.api.get(f"{JOBS}/{job_id}")["status"] == "succeeded",
        timeout=30,
        describe=lambda: live.api.get(f"{JOBS}/{job_id}"),
    )


def _enqueued(live: Demo, subreddit: str) -> int | None:
    try:
        return int(live.api.post(JOBS, {"subreddit": subreddit})["job"]["id"])
    except api_client.ApiUnavailableError:
        return None


def test_servers_that_die_are_started_again_where_they_were(live: Demo) -> None:
    before = live.pids("admin-api") + live.pids("sandbox")
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    sandbox, api = live.ready["sandbox_url"] + "/sandbox/health", live.ready["api_url"] + "/readyz"
    # The sandbox must be back before a call to the dead API can time out. Otherwise the demo
    # restarts no process while it waits for the call.
    wait_until(lambda: _answers(sandbox), timeout=api_client.TIMEOUT_SECONDS, describe=sandbox)
    wait_until(lambda: _answers(api), timeout=30, describe=api)
    wait_until(
        lambda: not {*before} & {*live.pids("admin-api"), *live.pids("sandbox")},
        timeout=10,
        describe="new process ids",
    )
    assert "cannot be used" not in live.log("sandbox-1"), "its port was free for the first restart"
    for name in ("admin-api-1", "sandbox-1"):
        wait_until(
            lambda name=name: f"{name} works again" in live.said(),  # type: ignore[misc]
            timeout=10,
            describe=live.said,
        )


def test_only_what_others_ask_is_in_the_log_of_the_api(live: Demo) -> None:
    logged = live.log("admin-api-1")
    assert '"method": "POST"' in logged
    # Other tests of this demo send few requests. The demo polls five times in each second.
    assert logged.count('"path": "/api/admin/jobs", "status": 200') < FEW_REQUESTS
    httpx.get(live.ready["api_url"] + "/api/admin/jobs?limit=1", headers=live.bearer)
    request = '"path": "/api/admin/jobs", "status": 200'
    wait_until(
        lambda: live.log("admin-api-1").count(request) > logged.count(request),
        timeout=5,
        describe=lambda: live.log("admin-api-1"),
    )


def wait_for_pause(
    live: Demo, why: str, before_each_look: Callable[[], object] = lambda: None
) -> None:
    def is_shown() -> re.Match[str] | None:
        before_each_look()
        return re.search(rf"^paused until \d\d:\d\d:\d\d: {why}", live.said(), re.MULTILINE)

    wait_until(is_shown, timeout=20, describe=live.said, every=0.1)


def execute(live: Demo, statement: str) -> None:
    with psycopg.connect(live.database_url, autocommit=True) as connection:
        connection.execute(statement)


@contextlib.contextmanager
def end_of_pauses(live: Demo) -> Iterator[None]:
    """Undo the changes that a test makes to the budget, at the end of the test."""
    try:
        yield
    finally:
        for statement in (
            "DELETE FROM reddit_budgets WHERE client_id IN ('one', 'two')",
            "UPDATE reddit_budgets SET outage_until = NULL, paused_until = NULL",
            "UPDATE reddit_budgets SET paused_reason = NULL, paused_detail = NULL",
            "UPDATE reddit_budgets SET outages_in_a_row = 0",
            "UPDATE reddit_tokens SET ask_again_at = NULL",
        ):
            execute(live, statement)


# The same time for each statement of a test: a pause that is set again is the same pause.
HOUR = "date_trunc('hour', now()) + interval '2 hours'"

ACCEPTED = "Reddit accepts the workers again"
PAUSES = {
    "Reddit answered 429$": f"UPDATE reddit_budgets SET paused_until = {HOUR}",
    "Reddit is in trouble$": f"UPDATE reddit_budgets SET outage_until = {HOUR}",
    r"Reddit is in trouble \(no way \[31m\(certificate\)\)$": (
        f"UPDATE reddit_budgets SET outage_until = {HOUR}, paused_reason = 'outage', "
        r"paused_detail = E'no\nway \x1b[31m(certificate)'"
    ),
    # With several client ids, the demo shows the longest pause and the reason for this pause.
    r"Reddit refuses the client \(the longer\)$": (
        "INSERT INTO reddit_budgets (client_id, outage_until, paused_reason, paused_detail) VALUES "
        f"('one', {HOUR}, 'outage', 'the shorter'), "
        f"('two', {HOUR} + interval '1 hour', 'client_refused', 'the longer') "
        "ON CONFLICT DO NOTHING"
    ),
}


@pytest.mark.parametrize("why", PAUSES)
def test_a_pause_is_told_on_screen(live: Demo, why: str) -> None:
    with end_of_pauses(live):
        # A reply that arrives just now ends the pause before the screen shows it.
        wait_for_pause(live, why, before_each_look=lambda: execute(live, PAUSES[why]))
        assert "the shorter" not in live.said()
        said = len(live.said())
    end = "the pause after Reddit's 429 is over" if "429" in why else ACCEPTED
    wait_until(lambda: end in live.said()[said:], timeout=20, describe=live.said)


@pytest.mark.parametrize(
    ("control", "body", "end", "told", "state"),
    [
        (
            "replies",
            {"path": "/", "status": 403, "body": "html"},
            {"path": "/", "status": 0},
            r"Reddit refuses the client \(403",
            ("paused", "client_refused", "accepted"),
        ),
        (
            "tokens",
            {"mode": "refused"},
            {"mode": "good"},
            r"Reddit refuses the credentials \(",
            ("paused", "credentials_refused", "refused"),
        ),
    ],
)
def test_a_refusal_by_reddit_is_told_on_screen_and_in_the_budget(
    live: Demo,
    control: str,
    body: dict[str, Any],
    end: dict[str, Any],
    told: str,
    state: tuple[str, str, str],
) -> None:
    url = f"{live.ready['sandbox_url']}/sandbox/{control}"
    with httpx.Client(trust_env=False, timeout=10) as client, end_of_pauses(live):
        assert client.post(url, json=body).status_code == 200
        try:
            name = f"tiny_{control}"
            wait_until(lambda: _enqueued(live, name), timeout=20, describe="the API answers")
            wait_for_pause(live, told)
            line = f"r/{name}: waiting (outage)"
            wait_until(lambda: line in live.said(), timeout=20, describe=live.said)
            # A reply that was under way may change the reason once more.
            wait_until(lambda: _budget_state(live) == state, timeout=20, describe=live.said)
            (shown,) = live.api.get("/api/admin/budget")["clients"]
            assert f"\nremedy: {shown['remedy']}\n" in live.said()  # not shortened
        finally:
            assert client.post(url, json=end).status_code == 200


def _budget_state(live: Demo) -> tuple[str, str, str]:
    (shown,) = live.api.get("/api/admin/budget")["clients"]
    return shown["state"], shown["reason"], shown["credentials"]


def _answers(url: str) -> bool:
    with httpx.Client(trust_env=False, timeout=2) as client, contextlib.suppress(httpx.HTTPError):
        return client.get(url).status_code == 200
    return False
