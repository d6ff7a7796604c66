"""Handle Ctrl-C, SIGTERM and SIGHUP.

At the first signal, the demo stops gracefully. At the second signal, it stops at once.
"""

import os
import select
import signal
from types import FrameType

from onebox.demo_errors import OneboxError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopAskedError(OneboxError):
    """The user has requested a stop, which is no failure of the demo."""


class StopRequest:
    """Counts the signals that request a stop."""

    def __init__(self) -> None:
        self._times = 0
        self._signal = signal.SIGTERM
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        for number in SIGNALS:
            signal.signal(number, self._ask)

    @property
    def is_asked(self) -> bool:
        return self._times > 0

    @property
    def exit_code(self) -> int:
        """128 plus the number of the latest signal: the exit code that shells use for a signal."""
        return 128 + self._signal

    def is_urgent(self) -> bool:
        return self._times > 1

    def check(self) -> None:
        """Raise StopAskedError if a signal has arrived."""
        if self.is_asked:
            raise StopAskedError("stopped")

    def sleep(self, seconds: float) -> None:
        """Sleep for `seconds`, or until a signal arrives."""
        if select.select([self._wake_read], [], [], seconds)[0]:
            os.read(self._wake_read, 64)

    def _ask(self, number: int, _: FrameType | None) -> None:
        self._times += 1
        self._signal = signal.Signals(number)
        os.write(self._wake_write, b"x")
