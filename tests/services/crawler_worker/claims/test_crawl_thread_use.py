"""Threads that crawl: how many there are, which of them are woken, and when a slot is free."""

import threading
from typing import Any

from crawler_worker.claims.crawl_threads import CrawlThreads

SECONDS = 10


class Held:
    """Stands for a claim: the threads only pass it on."""

    def __init__(self, *, ends_at_once: bool = False) -> None:
        self.begun = threading.Event()
        self.may_end = threading.Event()
        self.thread: threading.Thread | None = None
        if ends_at_once:
            self.may_end.set()


def crawl(held: Any) -> None:
    held.thread = threading.current_thread()
    held.begun.set()
    held.may_end.wait(SECONDS)


def start(threads: CrawlThreads, *held: Any) -> None:
    threads.start(held)
    assert all(one.begun.wait(SECONDS) for one in held)


def end(threads: CrawlThreads, *held: Any) -> None:
    for one in held:
        one.may_end.set()
    assert threads.wait_until_idle(SECONDS)


def threads_of(*held: Any) -> set[threading.Thread]:
    return {one.thread for one in held}


def test_crawls_that_follow_each_other_use_one_thread() -> None:
    threads = CrawlThreads(crawl, on_free=lambda: None)
    crawls = [Held(ends_at_once=True) for _ in range(6)]
    for held in crawls:
        start(threads, held)
        end(threads)
    assert len(threads_of(*crawls)) == 1


def test_all_idle_threads_are_woken_and_only_missing_threads_are_added() -> None:
    threads = CrawlThreads(crawl, on_free=lambda: None)
    known: set[threading.Thread] = set()
    for number in (1, 2, 3, 3, 2, 4):
        crawls = [Held() for _ in range(number)]
        start(threads, *crawls)
        assert len(threads_of(*crawls)) == number
        assert set(threads.all()) == set(crawls)
        end(threads, *crawls)
        known |= threads_of(*crawls)
        assert len(known) <= 4
    assert len(known) == 4


def test_crawls_start_beside_crawls_that_run() -> None:
    threads = CrawlThreads(crawl, on_free=lambda: None)
    crawls = [Held() for _ in range(4)]
    for held in crawls:
        start(threads, held)
    assert len(threads_of(*crawls)) == 4
    end(threads, *crawls)
    again = [Held() for _ in range(4)]
    start(threads, *again)
    assert threads_of(*again) == threads_of(*crawls)
    end(threads, *again)


def test_the_worker_is_woken_when_a_claim_has_a_thread_and_when_a_crawl_has_ended() -> None:
    free = threading.Semaphore(0)
    threads = CrawlThreads(crawl, on_free=free.release)
    for _ in range(2):
        held = Held()
        start(threads, held)
        assert free.acquire(timeout=SECONDS)
        assert not free.acquire(blocking=False)
        end(threads, held)
        assert free.acquire(timeout=SECONDS)
        assert not free.acquire(blocking=False)


def test_a_wait_for_the_last_crawl_ends_with_it() -> None:
    threads = CrawlThreads(crawl, on_free=lambda: None)
    held, results = Held(), list[bool]()
    start(threads, held)
    waiting = threading.Thread(target=lambda: results.append(threads.wait_until_idle(60)))
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    held.may_end.set()
    waiting.join(SECONDS)
    assert results == [True]
