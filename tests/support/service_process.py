"""A service as a real process: its log, signals to it, and its end."""

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

from support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
SOURCE_ROOTS = ("shared", "services", "deploy", "tests")
DEADLINE_SECONDS = 20  # on an overloaded machine


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
        """Whole lines that are JSON; what else a dying interpreter wrote is left out."""
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
        """The first line of the log with this action; no longer than the process lives."""
        wait_until(
            lambda: not self.is_alive() or self.logged(action, **fields),
            timeout=timeout,
            describe=lambda: f"{action} {fields}: {self.told()}",
        )
        found = self.logged(action, **fields)
        assert found, f"{self.name} ended without {action} {fields}: {self.told()}"
        return found[0]

    def told(self) -> str:
        """The end of its log, for a failure's message."""
        return self.log.read_text(errors="replace")[-4000:]

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, which reaches a stopped process too; done when it is gone."""
        self.process.kill()
        self.process.wait(DEADLINE_SECONDS)

    def wait(self, timeout: float = DEADLINE_SECONDS) -> int:
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            what = f"{self.name} did not end within {timeout:g} s: {self.told()}"
            raise AssertionError(what) from None

    def terminate(self, timeout: float = DEADLINE_SECONDS) -> tuple[int, float]:
        """The exit code, and how many seconds it took."""
        began = time.monotonic()
        self.signal(signal.SIGTERM)
        return self.wait(timeout), time.monotonic() - began


def when(line: Mapping[str, Any]) -> datetime:
    """The time of a line of the log."""
    return datetime.fromisoformat(line["timestamp"])


def start(module: str, *, name: str, log: Path, variables: Mapping[str, str]) -> ServiceProcess:
    """`python -m module` with these environment variables and no other."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", module],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in SOURCE_ROOTS),
                "LOG_FORMAT": "json",
                "INSTANCE_NAME": name,
                **variables,
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    return ServiceProcess(name, process, log)
