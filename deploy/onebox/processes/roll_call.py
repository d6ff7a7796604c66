"""Wait until all child processes work. A child works when it has a database session."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from onebox.demo_errors import OneboxError
from onebox.processes.child import Spec, last_line


class RollCall:
    """Knows which child processes of the demo do not work yet.

    Call `expect` for each child process, then `check` until it returns True.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began: float | None = None
        self._missing: dict[str, Spec] = {}

    @property
    def missing(self) -> set[str]:
        return {spec.name for spec in self._missing.values()}

    def expect(self, spec: Spec) -> None:
        self._missing[spec.env["INSTANCE_NAME"]] = spec

    def check(self, sessions: Iterable[str], *, log: Callable[[Spec], Path]) -> bool:
        """Return whether each child has a session now or had one at an earlier check.

        Raises OneboxError if a child has had no session when the time limit is over. The time limit
        begins at the first check.
        """
        self._began = time.monotonic() if self._began is None else self._began
        for session in sessions:
            for word in session.split():  # a session's name contains the child's INSTANCE_NAME
                self._missing.pop(word, None)
        if self._missing and time.monotonic() - self._began > self._seconds:
            logs = [log(spec) for spec in self._missing.values()]
            late = "; ".join(f"{path.stem} ({last_line(path)}; all of it: {path})" for path in logs)
            raise OneboxError(f"Not ready within {self._seconds:g} s: {late}")
        return not self._missing
