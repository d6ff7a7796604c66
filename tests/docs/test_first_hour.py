"""A newcomer finds each answer from README.md, and the commands of the first hour work."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from crawljobs.db.administration import grants
from onebox import preflight, reddit_source
from support import admin_api, demo, needs, roles
from support.admin_api import Gunicorn
from support.databases import Databases
from support.roles import Roles

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGE = (ROOT / "docs/first-hour.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
# Each question, with the words that the linked section must contain.
ANSWERS = {
    "where is my data": (".onebox/postgres/", ".onebox/database-url"),
    "export it": ("--csv -o exports/posts.csv", "\\copy"),
    "how do I crawl the real Reddit": ("prefs/apps", "**script**", "REDDIT_USER_AGENT"),
    "how long does a crawl take": ("100 requests a minute",),
    "how many workers do I need": ("Two, for one client id",),
    "how do I back up": ("pg_dump", "operations/recovery.md"),
    "how do I add a daily crawl": ("cron_expression", "0 6 * * *"),
    "what does a 403 mean": ("scope", "private", "CrawlRedditRefused".lower()),
    "how do I start over": ("rm -r .onebox",),
    "how do I change a setting": ("reference/settings.md",),
}
# A script in place of `run`. It opens the test's database without an install.
STUB = '#!/bin/sh\nshift\nexec {python} -P -m onebox.postgres.psql --data {data} "$@"\n'


def section(anchor: str) -> str:
    for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        title = part.partition("\n")[0]
        if title.lower().replace(" ", "-") == anchor:
            return part
    raise AssertionError(anchor)


def test_the_readme_is_shorter_than_two_screens() -> None:
    lines = README.splitlines()
    assert len(lines) <= 96
    assert [line for line in lines if len(line) > 120] == []


@pytest.mark.parametrize("question", ANSWERS)
def test_the_readme_leads_to_the_answer_with_one_click(question: str) -> None:
    (anchor,) = re.findall(rf"\[{re.escape(question)}\]\(docs/first-hour\.md#([\w-]+)\)", README)
    answer = section(anchor)
    assert [words for words in ANSWERS[question] if words not in answer] == []
    assert f"](#{anchor})" in PAGE.partition("\n## ")[0], "the page's own list lacks the question"


@pytest.fixture(scope="module")
def own(databases: Databases) -> Iterator[Roles]:
    with roles.made(databases) as roles_of_ours:
        yield roles_of_ours


@pytest.fixture
def project(tmp_path: Path, own: Roles) -> Path:
    """Return a folder with a data folder and a `run` for a database with the roles `own`."""
    data = tmp_path / ".onebox"
    data.mkdir()
    (data / "database-url").write_text(f"{own.url}\n")
    (data / "reader-url").write_text(f"{own.url_as(grants.READER)}\n")
    (data / "admin-header").write_text(f"Authorization: Bearer {admin_api.TOKEN}\n")
    run = tmp_path / "run"
    run.write_text(STUB.format(python=sys.executable, data=shlex.quote(str(data))))
    run.chmod(0o755)
    return tmp_path


def bash(project: Path, commands: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [needs.program("bash"), "-euc", commands],
        cwd=project,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": demo.SOURCE_ROOTS, "HOME": str(project)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def restored(own: Roles) -> Iterator[str]:
    """Yield a name for the restored database, and drop the database at the end."""
    name = f"restored_{os.urandom(6).hex()}"
    yield name
    with psycopg.connect(own.url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}".encode())


def test_the_commands_that_see_export_back_up_and_restore_the_data_work(
    project: Path, own: Roles, restored: str
) -> None:
    with psycopg.connect(own.url) as connection:
        connection.execute("INSERT INTO subreddits (name) VALUES ('Pottery')")
    for block in (block for block in BLOCKS if "./run psql" in block):
        done = bash(project, re.sub(r"\brestored\b", restored, block))
        assert done.returncode == 0, (block, done.stderr)
    with psycopg.connect(own.url, dbname=restored) as connection:
        assert connection.execute("SELECT name FROM subreddits").fetchall() == [("Pottery",)]
    for table, column in {"posts": "title", "comments": "parent_id", "edges": "author"}.items():
        assert column in (project / "exports" / f"{table}.csv").read_text().splitlines()[0].split(
            ","
        )
    assert (project / "exports" / "crawljobs.dump").read_bytes().startswith(b"PGDMP")


def test_the_password_is_on_no_command_line_of_psql(project: Path) -> None:
    for option, file in {"": "reader-url", "--write": "database-url"}.items():
        done = bash(project, f"./run psql {option} -c \"\\! tr '\\0' ' ' < /proc/\\$PPID/cmdline\"")
        secret = (project / ".onebox" / file).read_text().split("@")[0].rpartition(":")[2]
        assert "psql -c" in done.stdout, done.stderr
        assert secret not in done.stdout


def test_psql_writes_only_with_the_option_write(project: Path) -> None:
    change = "-c \"INSERT INTO subreddits (name) VALUES ('written')\""
    refused = bash(project, f"./run psql {change}")
    assert refused.returncode == 1
    assert "cannot execute INSERT in a read-only transaction" in refused.stderr
    changed = bash(project, f"./run psql --write {change}")
    assert (changed.returncode, changed.stdout) == (0, "INSERT 0 1\n"), changed.stderr


def test_without_a_demo_psql_says_how_to_start_one(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "onebox.postgres.psql", "--data", str(tmp_path / "none")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "start ./run demo first, or name its data folder with --data" in done.stderr
    for name in ("database-url", "reader-url"):
        (tmp_path / name).write_text("postgresql://me:hidden@127.0.0.1:9/crawljobs\n")
    stopped = [*command[:-1], str(tmp_path)]
    restore = ("--program", "pg_restore", "-d", "x", "file")
    for more in ([], ["-c", "SELECT 1"], ["--program", "pg_dump"], restore):
        done = subprocess.run(
            [*stopped, *more], capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 1
        assert done.stderr == (
            f"The database of {tmp_path} does not run (Connection refused): "
            f"start ./run demo --data {tmp_path} first.\n"
        )
    wrong = [*command[:4], "--program", "sh", "-c", "id"]
    done = subprocess.run(wrong, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert done.stderr == "--program sh: expected psql, pg_dump, pg_restore.\n"


@pytest.fixture
def server(tmp_path: Path, database_url: str) -> Iterator[Gunicorn]:
    running = admin_api.start_gunicorn(tmp_path, database_url, ADMIN_API_WORKERS="1")
    yield running
    running.stop()


def test_the_command_for_a_daily_crawl_works(project: Path, server: Gunicorn) -> None:
    (block,) = [block for block in BLOCKS if "scheduled-jobs" in block]
    done = bash(project, block.replace("http://127.0.0.1:8000", server.url))
    assert done.returncode == 0, done.stderr
    assert re.sub(r'":\s*"', '": "', done.stdout).count('"name": "BirdingNotes at 6"') == 2


def test_the_variables_for_the_real_reddit_are_accepted(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (block,) = [block for block in BLOCKS if "REDDIT_CLIENT_SECRET_FILE" in block]
    (project / ".reddit-secret").write_text("a-secret\n")
    done = bash(project, re.sub(r"\./run demo.*", "env", block))
    given = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    assert reddit_source.wanted(given) == reddit_source.REAL
    assert reddit_source.warning(reddit_source.REAL, given) is None
    for name in given.keys() - {"PATH", "PYTHONPATH", "HOME"}:
        monkeypatch.setenv(name, given[name])
    preflight.refuse_wrong_settings(os.environ, reddit_source.REAL)


@pytest.mark.deep
def test_the_measured_requests_are_as_the_page_says(open_folder: Path) -> None:
    arguments = ("--once", "--port", "0", "--data", str(open_folder / "data"))
    first, again = (demo.result(demo.run(*arguments))["requests"] for _ in range(2))
    large = demo.run(
        "--once", "--port=0", "--subreddits=big_town", "--data", str(open_folder / "b")
    )
    for name, measured in {
        "first crawl of the five communities": first,
        "second crawl of these five": again,
        "first crawl of 1,000 posts": demo.result(large)["requests"],
    }.items():
        (stated,) = re.findall(rf"^\| {name}[^|]*\| (\d+) \|", PAGE, re.MULTILINE)
        assert abs(measured - int(stated)) <= 5, (name, measured)
