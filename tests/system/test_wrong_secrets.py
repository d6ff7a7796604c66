"""A secret that cannot be used ends each process with the setting's name, and is not printed."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support import commands, demo
from support.admin_api import TOKEN

ROOT = Path(__file__).resolve().parents[2]
CANARY = "canary0123456789"
DEADLINE_SECONDS = 40
AT_ONCE = 3  # number of processes that start at the same time
PYTHON = [sys.executable, "-P", "-m"]
PROCESSES = {
    "crawler-worker": commands.command("crawljobs-worker"),
    "scheduler": commands.command("crawljobs-scheduler"),
    "admin-api": commands.command("crawljobs-admin-api"),
    "migrate upgrade": commands.command("crawljobs-migrate", "upgrade"),
    "migrate roles": commands.command("crawljobs-migrate", "roles"),
    "migrate check": commands.command("crawljobs-migrate", "check"),
}
RIGHT = {
    "DATABASE_URL": f"postgresql://u:{CANARY}@127.0.0.1:1/d",
    "ADMIN_API_TOKEN": TOKEN,
    "ADMIN_API_BIND": "127.0.0.1:0",
    "REDDIT_CLIENT_ID": "tests",
    "REDDIT_CLIENT_SECRET": CANARY,
    "LOG_LEVEL": "DEBUG",
}
ODD = (
    f"%zz{CANARY}",
    f"{CANARY} {CANARY}",
    f"{CANARY}@{CANARY}",
    f"5432/{CANARY}",
    f"{CANARY}\n{CANARY}",
)
OTLP = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
# The setting that the error must name, the variables that are set, and the processes.
WRONG: list[tuple[str, dict[str, str], tuple[str, ...]]] = [
    *(
        ("DATABASE_URL", {"DATABASE_URL": f"postgresql://u:{odd}@127.0.0.1:1/d"}, (name,))
        for odd, name in zip(ODD * 2, PROCESSES, strict=False)
    ),
    (
        "DATABASE_DIRECT_URL",
        {"DATABASE_DIRECT_URL": f"postgresql://u:{CANARY}#@127.0.0.1:1/d"},
        ("crawler-worker", "admin-api"),
    ),
    ("REDDIT_CLIENT_SECRET", {"REDDIT_CLIENT_SECRET": f"{CANARY}\udcff"}, ("crawler-worker",)),
    ("ADMIN_API_TOKEN", {"ADMIN_API_TOKEN": CANARY}, ("admin-api",)),
    ("ADMIN_API_TOKEN", {"ADMIN_API_TOKEN": f"{CANARY} {CANARY} {CANARY}"}, ("admin-api",)),
    (
        "OTEL_EXPORTER_OTLP_HEADERS",
        {**OTLP, "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Basic {CANARY}"},
        ("scheduler",),
    ),
    (
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        {"OTEL_EXPORTER_OTLP_ENDPOINT": f"collector://u:{CANARY}@collector"},
        ("scheduler",),
    ),
]


def run(name: str, variables: dict[str, str], folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        PROCESSES[name],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": commands.import_path("shared", "services"),
            "LOG_FORMAT": "json",
            **{key: value for key, value in {**RIGHT, **variables}.items() if value},
        },
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def test_a_wrong_secret_ends_each_process_by_its_name(tmp_path: Path) -> None:
    runs = [(setting, name, values) for setting, values, names in WRONG for name in names]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = [*pool.map(lambda one: run(one[1], one[2], tmp_path), runs)]
    for (setting, name, values), ended in zip(runs, done, strict=True):
        about = (name, values, ended.stdout, ended.stderr)
        assert ended.returncode != 0, about
        assert setting in ended.stderr.strip().splitlines()[-1], about
        assert CANARY not in ended.stdout + ended.stderr, about
        assert "Traceback" not in ended.stderr, about


@pytest.mark.parametrize("name", ["DATABASE_URL", "DATABASE_DIRECT_URL"])
def test_a_wrong_secret_in_a_file_ends_a_process_by_its_name(name: str, tmp_path: Path) -> None:
    file = tmp_path / "address"
    file.write_text(f"postgresql://u:{CANARY}/{CANARY}@127.0.0.1:1/d\n")
    given = {f"{name}_FILE": str(file), **({name: ""} if name == "DATABASE_URL" else {})}
    ended = run("migrate check", given, tmp_path)
    assert ended.returncode == 1
    assert f"crawljobs-migrate: {name}: expected an address" in ended.stderr
    assert CANARY not in ended.stdout + ended.stderr


def test_the_demo_refuses_a_wrong_address_by_name(open_folder: Path) -> None:
    done = demo.run(
        *("--port", "0", "--data", str(open_folder / "data")),
        DATABASE_URL=f"postgresql://u:{CANARY}@{CANARY}@127.0.0.1:1/d",
    )
    assert done.returncode == 1
    assert done.stderr.startswith("DATABASE_URL: expected an address")
    assert CANARY not in done.stdout + done.stderr
    assert not (open_folder / "data" / "postgres").exists()


def test_the_line_of_tests_refuses_a_wrong_address_by_name() -> None:
    ended = subprocess.run(
        [*PYTHON, "pytest", "--postgres=url", "tests/test_house.py", "-q"],
        env={
            **os.environ,
            "TEST_DATABASE_URL": f"postgresql://u:{CANARY}@{CANARY}@127.0.0.1:1/d",
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert ended.returncode != 0
    assert "TEST_DATABASE_URL: expected an address" in ended.stderr
    assert CANARY not in ended.stdout + ended.stderr
