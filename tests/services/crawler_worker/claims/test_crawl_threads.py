"""Each crawl runs in its own thread, which later crawls use again.

A crash ends only this thread.
"""

import threading
from typing import Any

import pytest

from crawler_worker.claims.crawl_threads import CrawlThreads

SECONDS = 10


class Held:
    """Stands for a held claim. The threads only pass it to the crawl."""

    def __init__(self, *, crashes: bool = False) -> None:
        self.crashes = crashes
        self.begun = threading.Event()
        self.may_end = threading.Event()
        self.thread: threading.Thread | None = None


def crawl(held: Any) -> None:
    held.thread = threading.current_thread()
    held.begun.set()
    held.may_end.wait(SECONDS)
    if held.crashes:
        raise SystemExit


def started(threads: CrawlThreads, *held: Any) -> None:
    threads.start(held)
    assert all(one.begun.wait(SECONDS) for one in held)


def test_crawls_run_at_once_and_their_threads_are_used_again() -> None:
    free = threading.Semaphore(0)
    threads = CrawlThreads(crawl, on_free=free.release)
    first, second = Held(), Held()
    started(threads, first, second)
    assert len({first.thread, second.thread}) == 2
    assert set(threads.all()) == {first, second}
    assert not threads.has_waiting()
    assert not threads.wait_until_idle(0)
    for held in (first, second):
        held.may_end.set()
    assert threads.wait_until_idle(SECONDS)
    assert threads.all() == []
    assert free.acquire(timeout=SECONDS)
    third = Held()
    third.may_end.set()
    started(threads, third)
    assert third.thread in {first.thread, second.thread}
    assert threads.wait_until_idle(SECONDS)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_crawl_that_crashes_takes_its_thread_along_and_the_next_one_gets_another() -> None:
    threads = CrawlThreads(crawl, on_free=lambda: None)
    crashing = Held(crashes=True)
    crashing.may_end.set()
    started(threads, crashing)
    assert crashing.thread
    crashing.thread.join(SECONDS)
    assert not crashing.thread.is_alive()
    assert threads.wait_until_idle(SECONDS)
    following = Held()
    following.may_end.set()
    started(threads, following)
    assert threads.wait_until_idle(SECONDS)
