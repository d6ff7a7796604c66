"""All threads of a worker run before its first request."""

import gc
import threading

import pytest

from admin_api.server import thread_pool
from support.waiting import wait_until


def test_a_pool_starts_with_all_its_threads_and_a_later_task_starts_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = thread_pool.started(3)

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    together = threading.Barrier(4)
    tasks = [pool.submit(together.wait, 10) for _ in range(3)]
    together.wait(10)
    assert sorted(task.result(10) for task in tasks) != []
    pool.shutdown()


def test_a_thread_that_cannot_start_fails_the_start_and_holds_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = threading.active_count()
    start = threading.Thread.start
    left = [2]

    def start_some(thread: threading.Thread) -> None:
        if not left[0]:
            raise RuntimeError("can't start new thread")
        left[0] -= 1
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_some)
    with pytest.raises(RuntimeError, match="new thread"):
        thread_pool.started(3)
    monkeypatch.undo()
    wait_until(
        lambda: gc.collect() is not None and threading.active_count() == before,
        timeout=5,
        describe="the end of the threads that started",
    )
