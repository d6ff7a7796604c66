"""A thread pool that starts all its threads at once.

ThreadPoolExecutor starts a thread when a task needs one. In the event loop, a thread that cannot
start would end the process. In the start of a worker, the failure is clear and harms no client.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor


def started(threads: int) -> ThreadPoolExecutor:
    """A pool whose threads run. Raises RuntimeError when a thread cannot start."""
    pool = ThreadPoolExecutor(max_workers=threads)
    all_run = threading.Barrier(threads + 1)
    try:
        for _ in range(threads):
            pool.submit(all_run.wait)
    except RuntimeError:
        all_run.abort()  # else the exit of the process would wait for the other threads
        raise
    all_run.wait()
    return pool
