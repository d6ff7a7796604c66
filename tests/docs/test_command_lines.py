"""No command in a document puts a secret on a command line, where every user can read it."""

import json
import os
import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import admin_api, needs, reddit_sandbox
from support.admin_api import Gunicorn

ROOT = Path(__file__).parents[2]
# Matches a command that puts a secret on a command line.
SHOWN = re.compile(
    r"""(?ix)
    (?:-H|--header) [\s=]+ ["']? (?:proxy-)?authorization |      # curl -H "Authorization: ..."
    \b(?:curl|wget)\b [^|;]* \s(?:-u|--user|--oauth2-bearer|--password) [\s=] |
    --from-literal= ["']? (?:\w+[-_])? (?:password|token|url|secret|key) \b |
    \b(?:psql|pg_dump|pg_restore|pg_basebackup)\b [^|;]* postgres(?:ql)?://[^\s/]*:[^\s/]*@ |
    --(?:password|token|secret|database-url) [\s=] ["']? \$?\w
    """
)
SUFFIXES = (".md", ".sh", ".yaml", ".yml", ".html", ".js")
# A script that writes its arguments to a file, and then runs the real program.
RECORDER = """#!/bin/sh
printf '%s\\0' "$0" "$@" >> "{record}"
exec "{program}" "$@"
"""


# The example calls of the original have the token on the command line. The page shows them
# unchanged, and says how to avoid it.
OF_THE_ORIGINAL = ("docs/from-the-original.md", '-H "Authorization: Bearer $ADMIN_API_TOKEN" \\')


def documents() -> Iterator[Path]:
    yield from (path for path in ROOT.glob("*.md"))
    for folder in ("docs", "deploy", "migrations", "services", "shared", "requirements", "tests"):
        yield from (path for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES)
    yield from (ROOT / ".ci").iterdir()
    yield from (ROOT / "deploy/docker").glob("[Dm]*")


def test_no_document_shows_a_secret_on_a_command_line() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in documents()
        if path.is_file()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if SHOWN.search(line)
    ]
    page, line = OF_THE_ORIGINAL
    kept = [one for one in found if one.startswith(f"{page}:") and one.endswith(f": {line}")]
    assert len(kept) == 3
    assert "`-H @FILE`" in (ROOT / page).read_text()
    assert [one for one in found if one not in kept] == []


@pytest.mark.parametrize(
    "line",
    [
        'curl -s -H "Authorization: Bearer $ADMIN_API_TOKEN" http://h/',
        "  --header 'Authorization: Bearer x'",
        "curl -u user:password http://h/",
        "kubectl create secret generic x --from-literal=token=y",
        "kubectl create secret generic x --from-literal=admin-password=y",
        "psql postgresql://u:p@h/d -c 'SELECT 1'",
        "python tool.py --token abc",
    ],
)
def test_such_a_line_would_be_found(line: str) -> None:
    assert SHOWN.search(line)


@pytest.fixture
def server(emptied_server: Gunicorn) -> Gunicorn:
    return emptied_server


def block(page: str, word: str) -> str:
    """Return the only block of commands of a page that contains the word."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    (found,) = [one for one in blocks if word in one]
    return str(found)


def recorded(folder: Path) -> tuple[str, Path]:
    """Return a PATH whose curl records its arguments, and the path of this record."""
    record, programs = folder / "arguments", folder / "programs"
    programs.mkdir()
    own = programs / "curl"
    own.write_text(RECORDER.format(record=record, program=needs.program("curl")))
    own.chmod(own.stat().st_mode | stat.S_IXUSR)
    return f"{programs}{os.pathsep}{os.environ['PATH']}", record


def test_the_commands_of_the_readme_work_and_show_no_token(
    server: Gunicorn, tmp_path: Path
) -> None:
    path, record = recorded(tmp_path)
    commands = block("README.md", "admin-header")
    (tmp_path / ".onebox").mkdir()
    (tmp_path / ".onebox/admin-header").write_text(f"Authorization: Bearer {admin_api.TOKEN}\n")
    done = subprocess.run(
        [needs.program("bash"), "-ec", commands.replace("http://127.0.0.1:8000", server.url)],
        cwd=tmp_path,
        env={"PATH": path},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert '"subreddit": "BirdingNotes"' in re.sub(r'":\s*"', '": "', done.stdout)
    assert '"by_status"' in done.stdout
    assert record.read_text().count(server.url) == 2
    assert admin_api.TOKEN not in record.read_text()


def test_the_commands_of_the_demo_page_make_replies_of_the_sandbox_wrong(
    tmp_path: Path,
) -> None:
    (tmp_path / ".onebox").mkdir()
    with reddit_sandbox.serve() as sandbox:
        (tmp_path / ".onebox/sandbox.json").write_text(json.dumps({"url": sandbox.url}))
        done = subprocess.run(
            [needs.program("bash"), "-ec", block("docs/demo.md", "wrong-replies")],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    begun, counts, ended = (json.loads(reply) for reply in done.stdout.split("\n") if reply)
    assert (begun["share"], begun["in_a_row"]) == (0.05, 4)
    assert counts["replies"] == 0
    assert ended["share"] == 0


@pytest.mark.parametrize("by_file", [True, False])
def test_the_examples_show_no_token_to_the_programs_they_start(
    server: Gunicorn, tmp_path: Path, by_file: bool
) -> None:
    path, record = recorded(tmp_path)
    (tmp_path / "token").write_text(f"{admin_api.TOKEN}\n")
    token = {"ADMIN_API_TOKEN": admin_api.TOKEN}
    given = {"ADMIN_API_TOKEN_FILE": str(tmp_path / "token")} if by_file else token
    script = ROOT / "docs/examples/job_api_examples.sh"
    done = subprocess.run(
        [needs.program("bash"), "-c", f'source "{script}"; crawl_soon pottery; env'],
        env={"PATH": path, "API": server.url, **given},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].isdigit()
    assert admin_api.TOKEN not in done.stdout
    assert admin_api.TOKEN not in record.read_text()
    assert "--header\0@-\0" in record.read_text()
