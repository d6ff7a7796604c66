"""Start the demo as a user does, and read its output."""

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from onebox.api_client import ApiClient
from support import processes
from support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
SOURCE_ROOTS = os.pathsep.join(str(ROOT / folder) for folder in ("shared", "services", "deploy"))
START_SECONDS = 60  # on a machine that runs other tests too
# The demo must not inherit these variables from the person who runs the tests.
FOREIGN = (
    *("DATABASE_URL", "DATABASE_URL_FILE", "DATABASE_DIRECT_URL", "DATABASE_DIRECT_URL_FILE"),
    *("REDDIT_CLIENT_ID", "REDDIT_CLIENT_SECRET", "REDDIT_CLIENT_SECRET_FILE"),
    *("REDDIT_USER_AGENT", "ADMIN_API_TOKEN", "ADMIN_API_TOKEN_FILE"),
)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "onebox", *arguments]


def environment(**settings: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    return {**inherited, "PYTHONPATH": SOURCE_ROOTS, **settings}


def run(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run the demo until it ends by itself."""
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        env=environment(**settings),
        timeout=120,
        check=False,
    )


def result(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    """Return the JSON object in the demo's last line of output."""
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(told, dict)
    return told


@dataclass
class Demo:
    """A running demo."""

    process: "subprocess.Popen[str]"
    ready_file: Path
    api: ApiClient
    database_url: str
    first_row_seconds: float = math.inf  # from the start to the first row with a stored page

    @property
    def ready(self) -> dict[str, Any]:
        content = json.loads(self.ready_file.read_text())
        assert isinstance(content, dict)
        return content

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.ready['token']}"}

    @property
    def data(self) -> Path:
        return self.ready_file.with_suffix("")

    def said(self) -> str:
        """Return the demo's output so far."""
        return self.data.with_name(f"{self.data.name}.out").read_text()

    def log(self, name: str) -> str:
        return (self.data / "logs" / f"{name}.log").read_text()

    def pids(self, role: str) -> list[int]:
        found: list[int] = self.ready["pids"][role]
        return found

    def family(self) -> list[psutil.Process]:
        return processes.family(self.process.pid)


@contextlib.contextmanager
def started(data: Path, *arguments: str, **settings: str) -> Iterator[Demo]:
    """Start a demo, and yield it when it is ready. Kill it at the end of the block."""
    ready_file = data.with_name(f"{data.name}.ready")
    options = ["--data", str(data), "--port", "0", "--ready-file", str(ready_file), *arguments]
    with (
        data.with_name(f"{data.name}.out").open("w+") as output,
        subprocess.Popen(
            command(*options),
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(**settings),
        ) as process,
    ):

        def told() -> str:
            output.seek(0)
            return f"ready file; the demo said: {output.read()}"

        try:
            wait_until(
                lambda: ready_file.exists() or process.poll() is not None,
                timeout=START_SECONDS,
                describe=told,
            )
            assert process.poll() is None, told()
            ready = json.loads(ready_file.read_text())
            api = ApiClient(int(ready["api_url"].rsplit(":", 1)[1]), ready["token"])
            with contextlib.closing(api):
                yield Demo(process, ready_file, api, ready["database_url"])
        finally:
            family = processes.family(process.pid) if process.poll() is None else []
            process.send_signal(signal.SIGKILL)
            processes.wait_until_gone(family, timeout=10)
