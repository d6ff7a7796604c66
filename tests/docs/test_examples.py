"""The examples run against the real API. Their README lists each function."""

import os
import re
import shlex
import subprocess
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
def database_url(emptied_url: str) -> str:
    return emptied_url


@pytest.fixture
def server(emptied_server: Gunicorn) -> Gunicorn:
    return emptied_server


# Without --deep, zsh runs the whole script alone.
SHELLS = ("bash", pytest.param("zsh", marks=pytest.mark.deep))
RUN_TASKS = "run_examples"
# The functions of operators, with arguments. JOB is the id of a job.
TASKS = (
    "retry_failed",
    "resume BirdingNotes",
    "explain JOB",
    "create_daily_schedule BirdingNotes",
    "boost JOB 5",
    "watch_job JOB 1",
    "cancel JOB",
    "crawl_soon LunarAtlas",
    "pause BirdingNotes 'a break'",
    "enqueue_many BirdingNotes Pottery",
    "show_next_runs @daily Europe/Berlin",
    "show_attention",
)


def environment(server: Gunicorn, **more: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "API": server.url,
        "ADMIN_API_TOKEN": admin_api.TOKEN,
        "WATCH_SECONDS": "1",
        **more,
    }


def execute(server: Gunicorn, command: list[str], **more: str) -> subprocess.CompletedProcess[str]:
    needs.program("curl")
    return subprocess.run(
        command,
        env=environment(server, **more),
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def sourced(
    server: Gunicorn, commands: str, shell: str = "bash", **more: str
) -> subprocess.CompletedProcess[str]:
    """Load the script into a shell, as a reader does, and run commands after it."""
    command = [needs.program(shell), "-c", f'source "{SCRIPT}"\n{commands}']
    return execute(server, command, **more)


def test_the_whole_script_runs_twice_and_leaves_its_jobs(
    server: Gunicorn, database: Database
) -> None:
    ran = execute(server, [str(SCRIPT)])
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "enqueued: 2" in ran.stdout
    assert "attention: critical\nNo worker has sent a heartbeat" in ran.stdout
    assert "watched: queued" in ran.stdout  # no worker runs in this test
    assert "retried: 0" in ran.stdout
    assert '"by_status"' in ran.stdout
    with database.begin() as conn:
        jobs = conn.exec_driver_sql("SELECT status, count(*) FROM crawl_jobs GROUP BY 1").all()
        schedule = conn.exec_driver_sql("SELECT cron_expression, timezone FROM scheduled_jobs")
        assert {tuple(row) for row in jobs} == {("queued", 3), ("cancelled", 1)}
        assert [tuple(row) for row in schedule] == [("0 6 * * *", "Europe/Berlin")]
    again = execute(server, [str(SCRIPT)])
    assert again.returncode == 0, again.stdout + again.stderr


def test_zsh_runs_the_whole_script_too(server: Gunicorn) -> None:
    ran = execute(server, [needs.program("zsh"), str(SCRIPT)])
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert '"by_status"' in ran.stdout
    assert not ran.stderr


@pytest.mark.parametrize("shell", SHELLS)
def test_the_tasks_run_in_any_order_and_twice(server: Gunicorn, shell: str) -> None:
    """A refusal because of the state is not hidden by an error of a later step."""
    tasks = "\n".join(f"{task}; echo 'result' $?" for task in (*TASKS, *reversed(TASKS)))
    tasks = re.sub(r"\bJOB\b", "$JOB", tasks)
    ran = sourced(server, f"JOB=$(crawl_soon Pottery)\n{tasks}", shell)
    results = re.findall(r"^result (\d)$", ran.stdout, re.MULTILINE)
    assert len(results) == 2 * len(TASKS), ran.stderr
    refused = ran.stderr.count('"code":"illegal_transition"')
    assert refused >= 2, "a cancelled job cannot be boosted or cancelled"
    assert results.count("2") == ran.stderr.count('"status":409')
    assert "Traceback" not in ran.stderr


HOSTILE = (
    "x'}, __import__('os').system('touch $TOUCHED') or {'",
    "' or __import__('os').system('touch $TOUCHED') or '",
    'x", "priority": 100, "name": "y',
    "x&enabled=false#",
    "../jobs",
    "$(touch $TOUCHED)",
)


@pytest.mark.parametrize("shell", SHELLS)
def test_an_argument_is_no_part_of_a_url_a_body_or_a_program(
    server: Gunicorn, database: Database, tmp_path: Path, shell: str
) -> None:
    touched = tmp_path / "touched"
    calls = "job=$(crawl_soon Pottery)\n"
    for hostile in HOSTILE:
        given = shlex.quote(hostile.replace("$TOUCHED", str(touched)))
        calls += f"create_daily_schedule {given}; echo $?; boost {given} 5; echo $?\n"
        calls += f"boost $job {given}; echo $?; watch_job {given} 1; echo $?\n"
        calls += f"cancel {given}; echo $?; explain {given}; echo $?\n"
    ran = sourced(server, calls, shell)
    assert ran.stdout.split() == ["1"] * 6 * len(HOSTILE), ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.stderr.count("expected a number") == 5 * len(HOSTILE)
    # The API got each argument as a whole.
    assert ran.stderr.count('"code":"invalid_request"') == len(HOSTILE)
    assert not touched.exists()
    with database.begin() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM scheduled_jobs").scalar() == 0
        priorities = conn.exec_driver_sql("SELECT DISTINCT priority FROM crawl_jobs").all()
        assert len(priorities) == 1, "a boost changed a priority"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_loaded_script_changes_no_option_and_an_error_ends_no_shell(
    server: Gunicorn, shell: str
) -> None:
    options = 'set -o; [ -z "${BASH_VERSION:-}" ] || shopt'
    before = execute(server, [needs.program(shell), "-c", options]).stdout
    failing = "explain 123456; echo result $?; crawl_soon 'not valid!'; echo result $?"
    ran = sourced(server, f"{options}; {failing}; echo alive", shell)
    assert ran.stdout == f"{before}result 1\nresult 1\nalive\n"
    assert '"not_found"' in ran.stderr
    assert '"invalid_request"' in ran.stderr


@pytest.mark.parametrize("shell", SHELLS)
def test_without_a_token_or_a_server_the_reason_is_printed(server: Gunicorn, shell: str) -> None:
    unset = sourced(server, "explain 1; echo result $?", shell, ADMIN_API_TOKEN="")
    assert unset.stdout == "result 1\n"
    assert unset.stderr.startswith("no token: set ADMIN_API_TOKEN_FILE to a readable file")
    gone = sourced(server, "explain 1; echo result $?", shell, API="http://127.0.0.1:9")
    assert gone.stdout == "result 1\n"
    assert "no answer from http://127.0.0.1:9" in gone.stderr


@pytest.mark.parametrize("shell", SHELLS)
def test_a_job_that_ends_before_the_next_step_stops_nothing(server: Gunicorn, shell: str) -> None:
    ended = "job=$(crawl_soon Pottery); cancel $job; step boosted boost $job 5; echo result $?"
    ran = sourced(server, ended, shell)
    impossible = "not possible now, for example because the job is finished"
    assert ran.stdout == f"cancelled\nboosted: {impossible}\nresult 0\n"
    assert not ran.stderr, "a state that is no error looks like one"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_refused_name_of_many_is_an_error_and_the_others_are_enqueued(
    server: Gunicorn, shell: str
) -> None:
    names = "TinyGardens BalconyPots 'bad name' 'a\"b' tinygardens"
    ran = sourced(server, f"enqueue_many {names}; echo result $?", shell)
    assert ran.stdout == "3\nresult 1\n"  # a name that repeats an earlier one is no error
    told = ran.stderr.splitlines()
    assert [line.split(" is refused: ")[0] for line in told] == ['"bad name"', '"a\\"b"'], told
    assert all("invalid_request: " in line for line in told)
    accepted = sourced(server, "enqueue_many TinyGardens BalconyPots; echo result $?", shell)
    assert (accepted.stdout, accepted.stderr) == ("2\nresult 0\n", "")


@pytest.mark.parametrize("shell", SHELLS)
def test_the_next_runs_are_printed_and_no_answer_is_followed_by_an_empty_line(
    server: Gunicorn, shell: str
) -> None:
    ran = sourced(
        server, "show_next_runs '0 6 * * *' Europe/Berlin; explain $(crawl_soon Pottery)", shell
    )
    meaning, *runs, explained = ran.stdout.splitlines()
    assert "06:00" in meaning or "6" in meaning
    assert len(runs) >= 3
    assert all(re.search(r"\d{4}-\d\d-\d\dT06:00", run) for run in runs), runs
    assert explained.startswith("{")
    assert ran.stdout.count("\n\n") == 0


def test_failed_jobs_are_counted_and_retried(server: Gunicorn, database: Database) -> None:
    for name in ("one", "two"):
        job = sourced(server, f"crawl_soon failed_{name}").stdout.strip()
        with server.client() as client:
            assert client.post(f"/api/admin/jobs/{job}/give_up").status_code == 200
    assert sourced(server, "retry_failed").stdout == "2\n"


def test_an_error_of_the_api_ends_the_executed_script(server: Gunicorn) -> None:
    ran = execute(server, [str(SCRIPT)], ADMIN_API_TOKEN="x" * 40)
    assert ran.returncode == 1
    assert '"status":401' in ran.stderr
    assert ran.stderr.count("\n") <= 2
    assert "Traceback" not in ran.stderr


def test_an_answer_of_another_form_is_printed_without_a_traceback(server: Gunicorn) -> None:
    ran = sourced(server, """field "it['job']['id']" '{"other": 1}'; echo result $?""")
    assert ran.stdout == "result 1\n"
    assert ran.stderr == """the answer has no it['job']['id']: {"other": 1}\n"""


def test_the_readme_lists_every_function_and_no_other() -> None:
    functions = set(re.findall(r"^(\w+)\(\) \{", SCRIPT.read_text(), re.MULTILINE))
    listed = set(
        re.findall(r"`(\w+)[^`]*`", "".join(re.findall(r"^\| `.*?\|", README, re.MULTILINE)))
    )
    assert listed == functions - {
        *("authorization", "call", "check_numbers", "field", "object", "step", RUN_TASKS),
    }
