"""Real scheduler processes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[3]
DEADLINE_SECONDS = 20  # on an overloaded machine


@dataclass
class Scheduler:
    process: "subprocess.Popen[bytes]"
    log: Path

    def log_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def wait_for(self, action: str) -> dict[str, Any]:
        """The first line of the log with this action."""

        def look() -> dict[str, Any] | None:
            whole = self.log.read_text().rpartition("\n")[0].splitlines()
            return next((e for e in map(json.loads, whole) if e.get("action") == action), None)

        found = wait_until(look, timeout=DEADLINE_SECONDS, describe=self.log.read_text)
        assert found
        return found

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(DEADLINE_SECONDS)

    def terminate(self) -> tuple[int, float]:
        """The exit code, and how many seconds it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_SECONDS), time.monotonic() - began


@pytest.fixture
def start_scheduler(tmp_path: Path) -> Iterator[Callable[..., Scheduler]]:
    """Start `python -m scheduler` with this DATABASE_URL; killed at the end of the test."""
    started: list[Scheduler] = []

    def start(database_url: str, **variables: str) -> Scheduler:
        log = tmp_path / f"scheduler-{len(started)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "scheduler"],
                env={
                    "PATH": os.environ["PATH"],
                    "PYTHONPATH": f"{ROOT / 'shared'}{os.pathsep}{ROOT / 'services'}",
                    "LOG_FORMAT": "json",
                    "DATABASE_URL": database_url,
                    **variables,
                },
                stdout=output,
                stderr=output,
            )
        started.append(Scheduler(process, log))
        return started[-1]

    yield start
    for scheduler in started:
        scheduler.kill()
