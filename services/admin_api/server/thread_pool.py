"""A thread pool that starts all its threads at once.

ThreadPoolExecutor starts a thread when a task needs it. If this start failed, the error would end
the event loop, and clients would get no response. The pool of this module fails when the worker
starts: no client is affected, and the log shows a clear error.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor


def started(threads: int) -> ThreadPoolExecutor:
    """Return a pool whose threads all run. Raises RuntimeError if a thread cannot start."""
    pool = ThreadPoolExecutor(max_workers=threads)
    all_run = threading.Barrier(threads + 1)
    try:
        for _ in range(threads):
            pool.submit(all_run.wait)
    except RuntimeError:
        # End the wait of the threads that have started. They would prevent the exit of the process.
        all_run.abort()
        raise
    all_run.wait()
    return pool
