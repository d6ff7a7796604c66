"""Runs the work of a process in a thread, while the main thread waits for a stop signal."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})


def block_stop_signals() -> None:
    """Block the stop signals in this thread and in all threads that it starts.

    Call this before any thread starts, so that only `run` receives the signals. There is no signal
    handler, because a handler could deadlock on a lock that the interrupted code holds.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)


def run(
    work: Callable[[], object],
    *,
    thread_name: str,
    on_stop: Callable[[], object],
    grace_seconds: float,
) -> bool:
    """Run `work` in a thread until it returns or a stop signal arrives, then call `on_stop`.

    Waits at most `grace_seconds` for the end of the thread. Returns whether the thread has ended.
    Later stop signals have no effect, because they stay blocked.
    """

    def work_and_wake() -> None:
        try:
            work()
        finally:
            os.kill(os.getpid(), signal.SIGTERM)  # wakes the main thread from sigwait

    thread = threading.Thread(target=work_and_wake, name=thread_name, daemon=True)
    thread.start()
    signal.sigwait(STOP_SIGNALS)
    on_stop()
    thread.join(grace_seconds)
    return not thread.is_alive()
