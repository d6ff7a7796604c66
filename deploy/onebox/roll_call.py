"""Who of the children has been seen at work, by what the database's sessions call themselves."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from onebox.demo_errors import OneboxError
from onebox.supervisor import Spec, last_line


class RollCall:
    """`expect` each, then `hear` until nobody is missing."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began: float | None = None
        self._missing: dict[str, Spec] = {}

    @property
    def missing(self) -> set[str]:
        return {spec.name for spec in self._missing.values()}

    def expect(self, spec: Spec) -> None:
        self._missing[spec.env["INSTANCE_NAME"]] = spec

    def hear(self, sessions: Iterable[str], *, log: Callable[[Spec], Path]) -> bool:
        """Whether all have been heard, now or before; raise when that takes too long."""
        self._began = time.monotonic() if self._began is None else self._began
        for session in sessions:
            for word in session.split():  # such as `crawljobs worker-1 keeper`
                self._missing.pop(word, None)
        if self._missing and time.monotonic() - self._began > self._seconds:
            logs = [log(spec) for spec in self._missing.values()]
            said = "; ".join(f"{one.stem} ({last_line(one)}; all of it: {one})" for one in logs)
            raise OneboxError(f"Not at work within {self._seconds:g} s: {said}")
        return not self._missing
