"""Run a service as a real process, send signals to it, and read its log."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from support import commands
from support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
SOURCE_ROOTS = ("shared", "services", "deploy", "tests")
COMMANDS = {"crawler_worker": "crawljobs-worker", "scheduler": "crawljobs-scheduler"}
DEADLINE_SECONDS = 40  # on an overloaded machine


@dataclass
class ServiceProcess:
    name: str
    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def log_lines(self) -> list[dict[str, Any]]:
        """Return the JSON lines of the log, without incomplete lines and output of a crash."""
        whole = self.log.read_text(errors="replace").rpartition("\n")[0].splitlines()
        return [json.loads(line) for line in whole if line.startswith("{")]

    def logged(self, action: str, **fields: object) -> list[dict[str, Any]]:
        return [
            line
            for line in self.log_lines()
            if line.get("action") == action
            and all(line.get(name) == value for name, value in fields.items())
        ]

    def wait_for(
        self, action: str, *, timeout: float = DEADLINE_SECONDS, **fields: object
    ) -> dict[str, Any]:
        """Wait for a log line with this action, and return the first one.

        Raises AssertionError if the process ends without a line with this action.
        """
        wait_until(
            lambda: not self.is_alive() or self.logged(action, **fields),
            timeout=timeout,
            describe=lambda: f"{action} {fields}: {self.told()}",
        )
        found = self.logged(action, **fields)
        assert found, f"{self.name} ended without {action} {fields}: {self.told()}"
        return found[0]

    def told(self) -> str:
        """Return the last part of the log, for the message of a failed test."""
        return self.log.read_text(errors="replace")[-4000:]

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """Send SIGKILL, which also ends a stopped process, and wait for the end of the process."""
        self.process.kill()
        self.process.wait(DEADLINE_SECONDS)

    def wait(self, timeout: float = DEADLINE_SECONDS) -> int:
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            what = f"{self.name} did not end within {timeout:g} s: {self.told()}"
            raise AssertionError(what) from None

    def terminate(self, timeout: float = DEADLINE_SECONDS) -> tuple[int, float]:
        """Send SIGTERM, and return the exit code and the seconds until the process ended."""
        began = time.monotonic()
        self.signal(signal.SIGTERM)
        return self.wait(timeout), time.monotonic() - began


def when(line: Mapping[str, Any]) -> datetime:
    """Return the time of a log line."""
    return datetime.fromisoformat(line["timestamp"])


def start(module: str, *, name: str, log: Path, variables: Mapping[str, str]) -> ServiceProcess:
    """Start a service or another module. The process inherits no variable except PATH.

    With a PYTHONPATH in `variables` the module is started, because older code has no command.
    """
    known = module in COMMANDS and "PYTHONPATH" not in variables
    started = commands.command(COMMANDS[module]) if known else [sys.executable, "-m", module]
    with log.open("ab") as output:
        process = subprocess.Popen(
            started,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": commands.import_path(*SOURCE_ROOTS),
                "LOG_FORMAT": "json",
                "INSTANCE_NAME": name,
                **variables,
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    return ServiceProcess(name, process, log)
