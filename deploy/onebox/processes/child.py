"""A child process of the demo: its command, its state and its end."""

import contextlib
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crawljobs.domain import plain_text

TAIL_BYTES = 4096
NOTE_MAX = 500  # limit of a note in characters


@dataclass(frozen=True)
class Spec:
    """How to start and stop one child process.

    `stop_seconds` is the time from SIGTERM to SIGKILL. The child receives `death_signal` when its
    parent dies.
    """

    role: str
    number: int
    command: Sequence[str | Path]
    env: Mapping[str, str] = field(repr=False)  # no repr, because the variables hold secrets
    stop_seconds: float
    death_signal: int = signal.SIGKILL
    pass_fds: Sequence[int] = ()

    @property
    def name(self) -> str:
        return f"{self.role}-{self.number}"


@dataclass
class Child:
    spec: Spec
    process: "subprocess.Popen[bytes]"
    started_at: float
    early_deaths: int = 0
    restart_at: float | None = None
    is_missed: bool = False  # True from the child's death until its restarted process works

    @property
    def is_running(self) -> bool:
        return self.restart_at is None and self.process.poll() is None


def how_it_ended(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    with contextlib.suppress(ValueError):
        return f"was ended by {signal.Signals(-status).name}"
    return f"was ended by signal {-status}"


def last_line(log: Path) -> str:
    """Return a log's last line, truncated, without characters that could control a terminal."""
    with log.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - TAIL_BYTES))
        lines = file.read().decode(errors="replace").strip().splitlines()
    return plain_text.one_line(lines[-1], limit=NOTE_MAX) if lines else "its log is empty"
