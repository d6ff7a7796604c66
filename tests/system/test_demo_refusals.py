"""The demo refuses bad conditions with a sentence and a failure status, and leaves no process."""

import os
import socket
import subprocess
from pathlib import Path

import psutil
import pytest

from onebox.postgres import data_folder
from support import demo


def refusal(done: "subprocess.CompletedProcess[str]", data: Path) -> str:
    assert done.returncode not in (0, None)
    assert "Traceback" not in done.stderr
    left = [
        process.info
        for process in psutil.process_iter(["pid", "cmdline"])
        if str(data) in " ".join(process.info["cmdline"] or ())
    ]
    assert not left
    return done.stderr


def test_a_taken_port(open_folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = demo.run("--port", port, "--data", str(open_folder / "data"))
    told = refusal(done, open_folder)
    assert told.startswith(f"Port {port} on 127.0.0.1 cannot be used (Address already in use)")
    assert "--port" in told
    assert not (open_folder / "data").exists()


def test_a_data_folder_in_use(open_folder: Path) -> None:
    with data_folder.opened(open_folder / "data"):
        done = demo.run("--port", "0", "--data", str(open_folder / "data"))
    assert f"Another demo (process {os.getpid()}) uses" in refusal(done, open_folder)


def test_a_data_folder_of_another_postgres(open_folder: Path) -> None:
    (open_folder / "data" / "postgres").mkdir(parents=True)
    (open_folder / "data" / "postgres" / "PG_VERSION").write_text("12")
    (open_folder / "data" / "reddit-source").write_text("sandbox\n")
    done = demo.run("--port", "0", "--data", str(open_folder / "data"))
    assert "was made by PostgreSQL 12" in refusal(done, open_folder)


def test_a_data_folder_that_cannot_be(open_folder: Path) -> None:
    (open_folder / "file").touch()
    done = demo.run("--port", "0", "--data", str(open_folder / "file" / "data"))
    assert "cannot be used (Not a directory)" in refusal(done, open_folder)


def test_a_ready_file_that_cannot_be_written(open_folder: Path) -> None:
    ready_file = str(open_folder / "missing" / "ready.json")
    done = demo.run("--port=0", "--data", str(open_folder / "data"), "--ready-file", ready_file)
    assert refusal(done, open_folder) == (
        f"The ready file {ready_file} cannot be written (there is no folder "
        f"{open_folder / 'missing'}): name another one with --ready-file.\n"
    )


def test_a_wrong_setting_is_named(open_folder: Path) -> None:
    arguments = ("--port", "0", "--data", str(open_folder / "data"))
    done = demo.run(*arguments, WORKER_CONCURRENCY="plenty")
    told = refusal(done, open_folder)
    assert told.startswith("WORKER_CONCURRENCY='plenty': expected a whole number of jobs")
    assert not (open_folder / "data").exists()


def test_a_folder_of_another_reddit(open_folder: Path) -> None:
    (open_folder / "data").mkdir()
    (open_folder / "data" / "reddit-source").write_text("sandbox\n")
    arguments = ("--port", "0", "--data", str(open_folder / "data"))
    client = {"REDDIT_CLIENT_ID": "me", "REDDIT_CLIENT_SECRET": "s"}
    told = refusal(demo.run(*arguments, **client, REDDIT_API_URL="http://127.0.0.1:9"), open_folder)
    assert "contains data of the sandbox, so http://127.0.0.1:9 cannot be crawled into it" in told
    assert not (open_folder / "data" / "postgres").exists()


def test_a_database_that_is_not_there(open_folder: Path) -> None:
    arguments = ("--port", "0", "--data", str(open_folder / "data"))
    done = demo.run(*arguments, DATABASE_URL="postgresql://me:hidden@127.0.0.1:9/none")
    told = refusal(done, open_folder)
    assert told.startswith("DATABASE_URL cannot be used: ")
    assert "hidden" not in told


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"REDDIT_CLIENT_ID": "me"}, "REDDIT_CLIENT_SECRET (or _FILE) is missing: set both"),
        ({"ADMIN_API_TOKEN_FILE": "/nowhere"}, "ADMIN_API_TOKEN_FILE='/nowhere': expected"),
        ({"DATABASE_URL_FILE": "/nowhere"}, "DATABASE_URL_FILE='/nowhere': expected"),
        ({"DATABASE_URL": "mysql://here"}, "DATABASE_URL: expected an address"),
    ],
)
def test_a_wrong_variable(open_folder: Path, variables: dict[str, str], said: str) -> None:
    done = demo.run("--port", "0", "--data", str(open_folder / "data"), **variables)
    assert refusal(done, open_folder).startswith(said)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--subreddits", "no spaces here"), "expected a subreddit name of 2 to 21 letters"),
        (("--subreddits", "x" * 22), "expected a subreddit name of 2 to 21 letters"),
        (("--subreddits", " , "), "expected names separated by commas"),
        (("--workers", "0"), "1<=x<=32"),
        (("--port", "65536"), "0<=x<=65535"),
        (("--data", ""), "expected a path, got an empty one"),
        (("--ready-file", "a\nb"), "expected a path of printable characters"),
    ],
)
def test_a_wrong_option(open_folder: Path, arguments: tuple[str, str], said: str) -> None:
    done = demo.run("--data", str(open_folder / "data"), *arguments)
    assert done.returncode == 2
    assert said in refusal(done, open_folder)
    assert not (open_folder / "data").exists()
