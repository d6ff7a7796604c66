"""A crawler-worker with simulated crawls. All other code is production code.

`python -m support.scripted_worker` starts it. The first word of a subreddit's name, before an
underscore, decides what its crawl does:

pages     store PAGES pages, each in its own transaction, and succeed
gate      wait for the file GATES/<name>.open, even during a stop; then store a page and succeed
finish    wait in the same way, and succeed without storing a page
hold      wait for the same file, or until the worker stops
kill      end this process with SIGKILL
segfault  crash this process
loop      run forever and use the CPU
eat       allocate memory until none is left
"""

import ctypes
import dataclasses
import itertools
import os
import resource
import signal
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from crawler_worker import __main__ as production
from crawler_worker.crawl import phases
from crawler_worker.maintenance import step_resolving
from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.stop import Stop
from crawljobs import settings
from crawljobs.db.database import Connection, Database
from crawljobs.domain.claim import Claim
from crawljobs.domain.reddit_items import Items
from crawljobs.repository.content.page_storage import crawled_items
from crawljobs.repository.queue import leases
from crawljobs.runtime import logs
from support import crawled
from support.waiting import wait_until

log = logs.get_logger(__name__)

PAGES = int(os.environ.get("PAGES", "3"))
PAGE_SECONDS = float(os.environ.get("PAGE_SECONDS", "0.02"))  # simulated time of a request
GATE_SECONDS = 120  # longer than any test, so that a forgotten worker ends later
MEMORY_BYTES = int(os.environ.get("MEMORY_BYTES", "0"))
RESET_AFTER_SECONDS = os.environ.get("RESET_AFTER_SECONDS")  # shorter than production allows
KEEPER_DIES_AT = int(os.environ.get("KEEPER_DIES_AT", "0"))  # the lease extension that fails
# The time after which the resolver runs without a hint; production has a constant.
RESOLVER_EVERY_SECONDS = float(os.environ.get("RESOLVER_EVERY_SECONDS", "2"))


def run(claim: Claim, *, database: Database, stop: Stop, **_: object) -> str:
    """Run the simulated crawl of a claim, and return its outcome. Replaces `phases.run`."""
    kind = claim.subreddit.split("_")[0]
    log.info("crawl.began", job_id=claim.job_id, kind=kind)
    try:
        if kind == "pages":
            _store_pages(claim, database, stop)
        elif kind == "hold":
            while not _gate(claim).exists():
                if stop.wait(PAGE_SECONDS):
                    raise crawl_failures.Interrupted("told to stop")
        elif kind in ("gate", "finish"):
            _wait_at_gate(claim)
            if kind == "gate":
                _store_page(claim, database, page=1)
        else:
            _poison(kind)
    finally:
        log.info("crawl.ended", job_id=claim.job_id)
    return "crawled"


def _store_pages(claim: Claim, database: Database, stop: Stop) -> None:
    done = (claim.checkpoint or {}).get("page", 0)
    for page in range(done + 1, PAGES + 1):
        if stop.wait(PAGE_SECONDS):
            raise crawl_failures.Interrupted("told to stop between two pages")
        _store_page(claim, database, page=page)


def _store_page(claim: Claim, database: Database, *, page: int) -> None:
    """Store a page with one post. The checkpoint has the claim token, for watched_queue.py."""
    token = str(claim.claim_token)
    post = crawled.post(f"{claim.job_id}p{page}", subreddit=claim.subreddit, title=token)

    def store(conn: Connection) -> None:
        leases.save_checkpoint(
            conn, claim=claim, checkpoint={"v": 1, "phase": "posts", "page": page, "by": token}
        )
        crawled_items.store(
            conn,
            items=Items(posts=(post,)),
            known_subreddits={claim.subreddit.lower(): claim.subreddit_id},
        )

    database.run(store)


def _wait_at_gate(claim: Claim) -> None:
    log.info("crawl.at_gate", job_id=claim.job_id)
    gate = _gate(claim)
    wait_until(gate.exists, timeout=GATE_SECONDS, describe=f"{gate} to be there")


def _gate(claim: Claim) -> Path:
    return Path(os.environ["GATES"]) / f"{claim.subreddit}.open"


def _poison(kind: str) -> None:
    if kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif kind == "segfault":
        ctypes.string_at(0)
    elif kind == "loop":
        for _ in itertools.count():
            pass
    elif kind == "eat":
        eaten = [bytearray(MEMORY_BYTES) for _ in itertools.count()]
        raise AssertionError(len(eaten))
    else:
        raise AssertionError(f"no script for {kind}")


def _shortened(read: Callable[..., settings.QueueSettings]) -> Callable[..., Any]:
    """Return a function that reads the settings, but allows a very short time without progress."""
    if RESET_AFTER_SECONDS is None:
        return read
    reset_after = timedelta(seconds=float(RESET_AFTER_SECONDS))
    return lambda variables: dataclasses.replace(read(variables), reset_crawling_after=reset_after)


class _DyingExtension:
    """Calls `extend_claims`. From call KEEPER_DIES_AT on, it raises an unexpected error."""

    def __init__(self) -> None:
        self._extend = leases.extend_claims
        self._calls = itertools.count(1)

    def __call__(self, *arguments: Any, **named: Any) -> leases.Extension:
        if next(self._calls) >= KEEPER_DIES_AT:
            log.warning("keeper.killed_by_test", thread=threading.current_thread().name)
            raise ZeroDivisionError("the test ends this thread")
        return self._extend(*arguments, **named)


if __name__ == "__main__":
    step_resolving.EVERY_SECONDS = RESOLVER_EVERY_SECONDS
    phases.run = run
    settings.read_queue_settings = _shortened(settings.read_queue_settings)
    if KEEPER_DIES_AT:
        leases.extend_claims = _DyingExtension()
    if MEMORY_BYTES:
        resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))
    os._exit(production.main())
