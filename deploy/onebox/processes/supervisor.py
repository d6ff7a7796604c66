"""Keep child processes running: start them, restart them with backoff, stop them in order.

No child outlives this process.
"""

import contextlib
import os
import shutil
import subprocess
import time
from collections import deque
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from crawljobs.domain import plain_text
from onebox import die_with_parent
from onebox.demo_errors import OneboxError
from onebox.processes.child import NOTE_MAX, Child, Spec, how_it_ended, last_line

BACKOFF_SECONDS = 0.5  # each early death doubles it
BACKOFF_MAX_SECONDS = 10.0
STEADY_SECONDS = 30.0  # a child that lived this long restarts with the first backoff
CHECK_SECONDS = 0.02
LOG_BYTES = 4 * 2**20  # a longer log is moved to NAME.log.1, which replaces the older one
LOG_CHECK_SECONDS = 5.0
NOTES = 20  # the latest events, which the display shows


class ChildDiedError(OneboxError):
    """A child ended during the start of the system."""


@dataclass
class Supervisor:
    """The children of this process. Use it in one thread: children end with their parent thread."""

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
        """Raise ChildDiedError when a child of these `names`, or any child, has exited by itself.

        At the start an exit means a wrong setting. A child that a signal ended is restarted.
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
        """Restart children whose backoff has passed; return whether a child ended or restarted."""
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
        """Send SIGTERM to all children of these roles, then SIGKILL to those that do not end."""
        chosen = set(roles)
        stopping = [child for child in self.children if child.spec.role in chosen]
        self.children = [child for child in self.children if child not in stopping]
        for child in stopping:
            child.process.terminate()
        terminated_at = time.monotonic()
        while any(child.process.poll() is None for child in stopping):
            waited = time.monotonic() - terminated_at
            for child in stopping:
                if waited > child.spec.stop_seconds or hurry():
                    child.process.kill()
            time.sleep(CHECK_SECONDS)

    def kill(self) -> None:
        """Kill all children at once."""
        for child in self.children:
            child.process.kill()
        for child in self.children:
            child.process.wait()
        self.children.clear()

    def note_recovered(self, is_at_work: Callable[[Child], bool]) -> None:
        """Note each restarted child once it is at work again."""
        for child in self.children:
            if child.is_missed and child.is_running and is_at_work(child):
                child.is_missed = False
                self.note(f"{child.spec.name} is at work again")

    def note(self, text: str) -> None:
        """Add an event for the display."""
        self._last_note = text
        shown = plain_text.one_line(text, limit=NOTE_MAX)
        self.notes.append(f"{time.strftime('%H:%M:%S')} {shown}")

    def note_once(self, text: str) -> None:
        """Add an event unless it equals the last one."""
        if text != self._last_note:
            self.note(text)

    def log(self, spec: Spec) -> Path:
        return self.logs / f"{spec.name}.log"

    def bound_logs(self) -> None:
        """Copy and truncate long logs; a line that is written meanwhile may be lost."""
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
        # In append mode a child continues at the start of a truncated file.
        with self.log(spec).open("ab") as output:
            return die_with_parent.spawn(
                spec.command,
                signal=spec.death_signal,
                env=spec.env,
                cwd=Path.cwd(),
                output=output,
                pass_fds=spec.pass_fds,
            )
