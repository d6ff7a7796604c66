"""The page on groups has the transitions of the code, and each of its commands works."""

import os
import re
import subprocess
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crawljobs.db.database import Database
from crawljobs.domain.group import STEP_TRANSITIONS, StepState
from crawljobs.domain.group_plan import (
    DEPTH_MAX,
    STEPS_MAX_OF_GROUP,
    STEPS_MAX_OF_REQUEST,
    WAITS_MAX,
)
from crawljobs.domain.job import ErrorKind
from support import admin_api, group_calls, jobs, needs
from support.admin_api import Gunicorn

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/concepts/groups.md").read_text()
LOAD, *EXAMPLES = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SCRIPT = (ROOT / "docs/examples/group_api_examples.sh").read_text()
DEADLINE_SECONDS = 60


@pytest.fixture
def database_url(emptied_url: str) -> str:
    return emptied_url


@pytest.fixture
def server(emptied_server: Gunicorn) -> Gunicorn:
    return emptied_server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder in which the commands of the page find the script and the token."""
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    (tmp_path / ".onebox").mkdir()
    (tmp_path / ".onebox/admin-token").write_text(admin_api.TOKEN)
    return tmp_path


class Crawling(threading.Thread):
    """Ends each queued job, as the workers do. The jobs of the subreddits `failing` fail.

    A subreddit is private if its name starts with `private_`, as in the sandbox.
    """

    def __init__(self, database: Database, failing: Sequence[str]) -> None:
        super().__init__(daemon=True)
        self._database, self._failing, self.ended = database, failing, threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.05):
            group_calls.resolve(self._database)
            now = datetime.now(UTC)
            with self._database.begin() as conn:
                for claim in jobs.claim_all(conn, now=now):
                    if claim.subreddit in self._failing:
                        kind = ErrorKind.PERMANENT
                        jobs.fail(conn, claim=claim, kind=kind, message="HTTP 500", now=now)
                    else:
                        is_private = claim.subreddit.startswith("private_")
                        outcome = "private" if is_private else "crawled"
                        jobs.complete(conn, claim=claim, outcome=outcome, now=now)


def execute(
    server: Gunicorn,
    database: Database,
    folder: Path,
    commands: str,
    *,
    failing: Sequence[str] = (),
    shell: str = "bash",
) -> "subprocess.CompletedProcess[str]":
    """Run the commands in a shell that has loaded the script, while the jobs are ended."""
    crawling = Crawling(database, failing)
    crawling.start()
    try:
        return subprocess.run(
            [needs.program(shell), "-c", f"{LOAD}\n{commands}"],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "API": server.url, "POLL_SECONDS": "0.1"},
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
    finally:
        crawling.ended.set()
        crawling.join(DEADLINE_SECONDS)


WRONG = """
    watch_group 12345; echo result $?; watch_group 'x; touch here'; echo result $?
    crawl_list 'a "name"' 'not valid!' '$(touch here)'; echo result $?
    watch_group "$(create_group '{"sealed": false}')" 0; echo result $?
    explain_step "$group" '../x'; echo result $?; explain_step "$group" MapTalk; echo result $?
"""


REASON = "job N ended as private; the step needs crawled"
HELD = f"""\
next is held: step private_club failed: {REASON}: proceed_step N next, or skip_step N next
"""
# The standard output of the examples, with N for each id of a group or a job.
OUTPUT = (
    "succeeded\n" * 4
    + HELD
    + f"""\
next is pending
partly
private_club failed: {REASON}
1 step failed
"""
    + HELD
    + """\
group N is paused
group N is not paused
steps: 1, boosted: 1
steps: 1, retried: 1
"""
    + HELD
    + """\
steps: 1, cancelled: 1
steps: 1, cancelled: 1
"""
)


def test_each_example_runs_to_its_end(server: Gunicorn, database: Database, folder: Path) -> None:
    ran = execute(server, database, folder, "".join(EXAMPLES))
    ids = re.sub(r"(group|job|proceed_step|skip_step) \d+", r"\1 N", ran.stdout)
    assert ids == OUTPUT, ran.stderr
    with server.client() as client:
        groups = client.get(group_calls.PATH).json()["items"]
    succeeded = {each["name"].partition(" 20")[0]: each["counts"]["succeeded"] for each in groups}
    all_three = ("my list", "chain", "fan-in", "nightly map")
    assert succeeded == {**dict.fromkeys(all_three, 3), "held": 1, "changed": 0}


WATCHED = """
    group=$(create_group '{"steps": [
        {"subreddit": "private_one", "require_outcome": "crawled"}, {"subreddit": "Pottery"},
        {"key": "next", "subreddit": "MapTalk", "after": ["private_one"],
         "on_upstream_failure": "hold"}]}')
    watch_held "$group" >&2; pause_group "$group"; watch_group "$group" 1; echo result $?
    resume_group "$group"; skip_step "$group" next
    skip_step "$group" next; echo result $?; skip_step "$group" ../x; echo result $?
    watch_held "$group"; echo result $?; boost_group "$group" x; echo result $?
    cancel_group 'x; touch here'; echo result $?; retry_failed_steps 12345; echo result $?
    boost_group "$(create_group '{"sealed": false}')" 5
"""


@pytest.mark.parametrize("shell", ["bash", pytest.param("zsh", marks=pytest.mark.deep)])
def test_a_watched_group_names_held_steps_and_a_pause_only_once(
    server: Gunicorn, database: Database, folder: Path, shell: str
) -> None:
    ran = execute(server, database, folder, WATCHED, shell=shell)
    assert re.findall(r"result (\d)", ran.stdout) == [*"3213111"], ran.stdout + ran.stderr
    watched = ran.stderr.partition("has not finished")[0]
    assert watched.count("the group is paused: resume_group 1 lets its pending steps start") == 1
    held = r"^next is held: step private_one failed.*: proceed_step 1 next, or skip_step 1 next$"
    assert len(re.findall(held, watched, re.MULTILINE)) == 2  # of watch_held and of watch_group
    assert "next is skipped" in ran.stdout
    assert ran.stdout.endswith("steps: 0, The group has no open step.\n"), ran.stderr
    assert not (folder / "here").exists()


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_failures_of_crawls_and_wrong_values_are_shown(
    server: Gunicorn, database: Database, folder: Path, shell: str
) -> None:
    commands = f"{EXAMPLES[0]}\n{WRONG}"
    failing = ["MapTalk", "Pottery"]
    ran = execute(server, database, folder, commands, failing=failing, shell=shell)
    outcome, *failures, note = ran.stdout.partition("result")[0].splitlines()
    assert (outcome, note) == ("partly", "look at the steps above"), ran.stderr
    assert [re.sub(r"\d+", "N", line) for line in failures] == [
        "MapTalk failed: job N failed: HTTP N",
        "Pottery failed: job N failed: HTTP N",
    ]
    assert re.findall(r"result (\d)", ran.stdout) == ["1", "1", "1", "3", "1", "0"], ran.stderr
    explained = [re.sub(r"\d+", "N", line) for line in ran.stdout.splitlines()[-3:-1]]
    assert explained == [
        "It failed: job N failed: HTTP N.",
        "N job N, for N: It failed for good: HTTP N.",
    ]
    assert '"code":"not_found"' in ran.stderr
    assert ran.stderr.count("/steps/") == 2, "both wrong names are named"
    assert "Traceback" not in ran.stderr
    assert not (folder / "here").exists()


def test_the_transitions_and_limits_of_the_page_are_those_of_the_code() -> None:
    rows = [
        f"| {before} | {', '.join(sorted(after))} |" for before, after in STEP_TRANSITIONS.items()
    ]
    table = PAGE.partition("| from | to |\n|---|---|\n")[2].partition("\n\n")[0].splitlines()
    assert sorted(table) == sorted(rows)
    assert {row.split()[1] for row in table} == set(StepState)
    sizes = (STEPS_MAX_OF_REQUEST, STEPS_MAX_OF_GROUP, STEPS_MAX_OF_REQUEST)
    assert f"a copy | {', '.join(f'{size:,}' for size in sizes)} |" in PAGE
    assert f"| upstreams of a step | {WAITS_MAX};" in PAGE
    assert f"| steps one after the other | {DEPTH_MAX} |" in PAGE


def test_each_query_on_groups_runs(database: Database) -> None:
    section = (ROOT / "docs/operations/queries.md").read_text().partition("\n## Groups\n")[2]
    section += (
        (ROOT / "docs/operations/troubleshooting.md")
        .read_text()
        .partition("\n## A step does not start\n")[2]
    )
    blocks = re.findall(r"^```sql\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    queries = [query for block in blocks for query in block.split(";") if query.strip()]
    assert len(queries) > 5
    for query in queries:
        with database.begin() as conn:
            conn.exec_driver_sql(query)


def test_the_examples_list_every_function_of_groups() -> None:
    listed = (ROOT / "docs/examples/README.md").read_text()
    # The line of a function for operators ends with its description.
    functions = re.findall(r"^(\w+)\(\) \{ # ", SCRIPT, re.MULTILINE)
    assert len(functions) > 15
    assert [name for name in functions if f"`{name} " not in listed] == []
