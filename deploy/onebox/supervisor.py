"""Keeps child processes running: starts, restarts with backoff, stops in order, never outlived."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crawljobs.domain import plain_text
from onebox import die_with_parent
from onebox.demo_errors import OneboxError

BACKOFF_SECONDS = 0.5  # doubles with every early death
BACKOFF_MAX_SECONDS = 10.0
STEADY_SECONDS = 30.0  # one that lived this long starts anew without a past
CHECK_SECONDS = 0.02
LOG_BYTES = 4 * 2**20  # then it is put aside, and what was put aside before is forgotten
LOG_CHECK_SECONDS = 5.0
TAIL_BYTES = 4096
NOTE_MAX = 500  # characters
NOTES = 20  # what happened last, for whoever watches


@dataclass(frozen=True)
class Spec:
    """One child. `stop_seconds` is its grace after SIGTERM."""

    role: str
    number: int
    command: Sequence[str | Path]
    env: Mapping[str, str] = field(repr=False)  # it holds secrets
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
    is_missed: bool = False  # ended, and not seen at work since

    @property
    def is_running(self) -> bool:
        return self.restart_at is None and self.process.poll() is None


class ChildDiedError(OneboxError):
    """A child ended while everything was being started."""


@dataclass
class Supervisor:
    """Not for threads: the kernel ties the children's lives to the thread that started them."""

    logs: Path
    children: list[Child] = field(default_factory=list)
    notes: "deque[str]" = field(default_factory=lambda: deque(maxlen=NOTES))
    _logs_checked_at: float = 0.0
    _last_note: str = ""

    def start(self, spec: Spec) -> Child:
        child = Child(spec, self._spawn(spec), time.monotonic())
        self.children.append(child)
        return child

    def pids(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for child in self.children:
            pids = found.setdefault(child.spec.role, [])
            if child.is_running:
                pids.append(child.process.pid)
        return found

    def refuse_early_death(self, names: Container[str] | None = None) -> None:
        """Raise when one of these, or any, ended by itself: at the start that is a wrong setting.

        One that a signal ended is not refused: that is bad luck, to be started again.
        """
        for child in self.children:
            if names is not None and child.spec.name not in names:
                continue
            if (status := child.process.poll()) is not None and status >= 0:
                raise ChildDiedError(
                    f"{child.spec.name} {how_it_ended(status)}: "
                    f"{last_line(self.log(child.spec))} (all of it: {self.log(child.spec)})"
                )

    def restart_dead(self) -> bool:
        """Start again what ended and has waited its backoff; whether anything changed."""
        changed = False
        for child in self.children:
            if child.restart_at is not None:
                if time.monotonic() >= child.restart_at:
                    child.process, child.started_at = self._spawn(child.spec), time.monotonic()
                    child.restart_at = None
                    changed = True
            elif (status := child.process.poll()) is not None:
                self._plan_restart(child, status)
                changed = True
        return changed

    def stop(self, roles: Iterable[str], *, hurry: Callable[[], bool] = lambda: False) -> None:
        """SIGTERM to all children of these roles at once, SIGKILL to those that do not end."""
        wanted = set(roles)
        stopping = [child for child in self.children if child.spec.role in wanted]
        self.children = [child for child in self.children if child not in stopping]
        for child in stopping:
            child.process.terminate()
        asked_at = time.monotonic()
        while any(child.process.poll() is None for child in stopping):
            waited = time.monotonic() - asked_at
            for child in stopping:
                if waited > child.spec.stop_seconds or hurry():
                    child.process.kill()
            time.sleep(CHECK_SECONDS)

    def kill(self) -> None:
        """End everything at once."""
        for child in self.children:
            child.process.kill()
        for child in self.children:
            child.process.wait()
        self.children.clear()

    def all_clear(self, is_at_work: Callable[[Child], bool]) -> None:
        """Tell of those that were started again once they are at work."""
        for child in self.children:
            if child.is_missed and child.is_running and is_at_work(child):
                child.is_missed = False
                self.note(f"{child.spec.name} is at work again")

    def note(self, text: str) -> None:
        self._last_note = text
        shown = plain_text.one_line(text, limit=NOTE_MAX)
        self.notes.append(f"{time.strftime('%H:%M:%S')} {shown}")

    def tell(self, text: str) -> None:
        """Once, however often it is true in a row."""
        if text != self._last_note:
            self.note(text)

    def log(self, spec: Spec) -> Path:
        return self.logs / f"{spec.name}.log"

    def bound_logs(self) -> None:
        """Copy and empty what has grown too long; a line written meanwhile may be lost."""
        if time.monotonic() - self._logs_checked_at < LOG_CHECK_SECONDS:
            return
        self._logs_checked_at = time.monotonic()
        for log in self.logs.glob("*.log"):
            with contextlib.suppress(OSError):
                if log.stat().st_size > LOG_BYTES:
                    shutil.copyfile(log, log.with_name(f"{log.name}.1"))
                    os.truncate(log, 0)

    def _plan_restart(self, child: Child, status: int) -> None:
        lived = time.monotonic() - child.started_at
        child.early_deaths = 0 if lived > STEADY_SECONDS else child.early_deaths + 1
        pause = min(BACKOFF_SECONDS * 2 ** max(child.early_deaths - 1, 0), BACKOFF_MAX_SECONDS)
        child.restart_at = time.monotonic() + pause
        child.is_missed = True
        self.note(f"{child.spec.name} {how_it_ended(status)}; started again in {pause:g} s")

    def _spawn(self, spec: Spec) -> "subprocess.Popen[bytes]":
        self.logs.mkdir(parents=True, exist_ok=True)
        # Appending, so that a child goes on at the start of a file that was emptied.
        with self.log(spec).open("ab") as output:
            return die_with_parent.spawn(
                spec.command,
                signal=spec.death_signal,
                env=spec.env,
                cwd=Path.cwd(),
                output=output,
                pass_fds=spec.pass_fds,
            )


def how_it_ended(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    with contextlib.suppress(ValueError):
        return f"was ended by {signal.Signals(-status).name}"
    return f"was ended by signal {-status}"


def last_line(log: Path) -> str:
    """The last thing it said, bounded, without what could steer a terminal."""
    with log.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - TAIL_BYTES))
        lines = file.read().decode(errors="replace").strip().splitlines()
    return plain_text.one_line(lines[-1], limit=NOTE_MAX) if lines else "it said nothing"
