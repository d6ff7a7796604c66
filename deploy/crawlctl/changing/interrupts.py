"""Ctrl-C during a change of many objects: the command ends after the current chunk."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class Interrupts:
    """Records whether Ctrl-C was pressed. A second Ctrl-C raises KeyboardInterrupt at once."""

    def __init__(self) -> None:
        self.asked = False

    def note(self, number: int, frame: FrameType | None) -> None:
        """Handle SIGINT, the signal that Ctrl-C sends."""
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


@contextlib.contextmanager
def between_chunks() -> Iterator[Interrupts]:
    """Yield an object that shows whether Ctrl-C was pressed.

    During the `with` block, the first Ctrl-C only sets `asked`, and the second one raises
    KeyboardInterrupt.
    """
    interrupts = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield interrupts
        return
    former = signal.signal(signal.SIGINT, interrupts.note)
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, former)
