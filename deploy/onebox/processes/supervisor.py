"""Start child processes, restart them after growing pauses, and stop them in order.

All child processes end when this process ends, even if SIGKILL ends this process.
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

# Seconds before the first restart; each further early death doubles the pause.
BACKOFF_SECONDS = 0.5
BACKOFF_MAX_SECONDS = 10.0
STEADY_SECONDS = 30.0  # a death is early if the child has run for at most this time
CHECK_SECONDS = 0.02
LOG_BYTES = 4 * 2**20  # a longer log is copied to NAME.log.1 and emptied
LOG_CHECK_SECONDS = 5.0
NOTES = 20  # the display can show this number of the latest events


class ChildDiedError(OneboxError):
    """A child ended during the start of the system."""


@dataclass
class Supervisor:
    """Starts and watches the demo's child processes.

    Use an object in one thread only, because a child process ends when the thread that started it
    ends.
    """

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
        """Raise ChildDiedError if a child has exited by itself. None as `names` means all children.

        At the start of the system, an exit means a wrong setting. If a signal has ended a child,
        this function raises no error, because `restart_dead` restarts the child.
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
        """Restart each dead child after a pause.

        Returns True if this call found a dead child or restarted a child.
        """
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
        """Send SIGTERM to all children with these roles, then SIGKILL to children that do not end.

        SIGKILL follows after the child's `stop_seconds`, or at once when `hurry` returns True.
        """
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
        """Send SIGKILL to all children and wait for their ends."""
        for child in self.children:
            child.process.kill()
        for child in self.children:
            child.process.wait()
        self.children.clear()

    def note_recovered(self, is_at_work: Callable[[Child], bool]) -> None:
        """Add a note for each restarted child that works again."""
        for child in self.children:
            if child.is_missed and child.is_running and is_at_work(child):
                child.is_missed = False
                self.note(f"{child.spec.name} works again")

    def note(self, text: str) -> None:
        """Add an event for the display."""
        self._last_note = text
        shown = plain_text.one_line(text, limit=NOTE_MAX)
        self.notes.append(f"{time.strftime('%H:%M:%S')} {shown}")

    def note_once(self, text: str) -> None:
        """Add an event for the display, unless its text equals the latest event's text."""
        if text != self._last_note:
            self.note(text)

    def log(self, spec: Spec) -> Path:
        return self.logs / f"{spec.name}.log"

    def bound_logs(self) -> None:
        """Copy and empty each long log. A line that is written between these steps may be lost."""
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
        self.note(f"{child.spec.name} {how_it_ended(status)}; it starts again in {pause:g} s")

    def _spawn(self, spec: Spec) -> "subprocess.Popen[bytes]":
        self.logs.mkdir(parents=True, exist_ok=True)
        # Append mode: after `bound_logs` has emptied the log, the child writes at the log's start.
        # Otherwise the child would write at its old offset, and the log would begin with a gap.
        with self.log(spec).open("ab") as output:
            return die_with_parent.spawn(
                spec.command,
                signal=spec.death_signal,
                env=spec.env,
                cwd=Path.cwd(),
                output=output,
                pass_fds=spec.pass_fds,
            )
