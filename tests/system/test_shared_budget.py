"""Many workers on one client id: real processes, a sandbox that counts, a faster clock.

A window of the sandbox and of the budget's row stands for Reddit's ten minutes; six are an hour.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Database
from crawljobs.domain import request_budget
from crawljobs.domain.job import JobSource
from support import crew, enqueueing, reddit_sandbox
from support.crew import Crew
from support.reddit_sandbox import RunningSandbox
from support.waiting import wait_until

CLIENT = "tests"
TRIES = 5
OTHERS_PATH = "/api/info"  # what the other consumer asks for, and no crawl here


@dataclass(frozen=True)
class Scene:
    """`others`: the share of the cap that another consumer of the client id takes.

    `tries`: how often as many windows are looked at, until our share of the cap is `enough`.
    """

    workers: int
    cap: int
    window: int  # seconds
    windows: int
    others: float = 0.0
    tries: int = 1
    enough: float = 0.95


@dataclass(frozen=True)
class Seen:
    rate_limited: int
    ours: int
    theirs: int


def test_workers_together_use_the_budget_and_never_overdraw_it(
    database_url: str, tmp_path: Path
) -> None:
    """A busy machine may leave the workers too little time in one window, but not in each."""
    scene = Scene(workers=3, cap=60, window=6, windows=1, tries=TRIES, enough=0.9)
    seen = play(scene, database_url, tmp_path)
    assert seen.rate_limited == 0
    assert seen.ours >= scene.enough * permitted(scene, seen)


@pytest.mark.deep
@pytest.mark.parametrize("others", [0.0, 0.4])
def test_twelve_workers_for_an_hour_draw_no_429_and_use_95_percent(
    database_url: str, tmp_path: Path, others: float
) -> None:
    scene = Scene(workers=12, cap=1_000, window=90, windows=6, others=others)
    seen = play(scene, database_url, tmp_path)
    print(  # noqa: T201 - the figures are what this is about: run it with -s
        f"\n12 workers, one hour, others {others:.0%}: {seen}, "
        f"{seen.ours / permitted(scene, seen):.1%} of what was permitted"
    )
    assert seen.rate_limited == 0
    assert seen.ours >= scene.enough * permitted(scene, seen)


def permitted(scene: Scene, seen: Seen) -> float:
    return request_budget.USABLE_SHARE * scene.cap * scene.windows - seen.theirs


def play(scene: Scene, database_url: str, folder: Path) -> Seen:
    """Crawl without end from before the first edge of a window until the last has passed."""
    options = ("--rate-limit", scene.cap, "--rate-window", scene.window, "--log-size", 100_000)
    with reddit_sandbox.serve(*options) as sandbox:
        prepare(database_url, scene)
        workers = Crew(folder, database_url, sandbox.url)
        stop = threading.Event()
        other = threading.Thread(target=consume, args=(sandbox, scene, stop), daemon=True)
        try:
            for _ in range(scene.workers):
                workers.start(crew.PRODUCTION, WORKER_CONCURRENCY="8", LEASE_SECONDS="30")
            wait_until(
                lambda: stats(sandbox)["requests"] > scene.workers,
                timeout=60,
                describe="the workers to crawl",
            )
            if scene.others:
                other.start()
            for _ in range(scene.tries):
                seen = see(sandbox, scene)
                if seen.ours >= scene.enough * permitted(scene, seen):
                    break
            return seen
        finally:
            stop.set()
            workers.close()
            if other.is_alive():
                other.join(30)


def see(sandbox: RunningSandbox, scene: Scene) -> Seen:
    """What comes in whole windows, from the next edge of one."""
    begins = (time.time() // scene.window + 1) * scene.window
    ends = begins + scene.windows * scene.window
    wait_until(
        lambda: time.time() > ends,
        timeout=(scene.windows + 2) * scene.window,
        describe="the last window to pass",
    )
    return count(sandbox, begins, ends)


def prepare(database_url: str, scene: Scene) -> None:
    """The budget's row with the faster clock, and more jobs than can be done."""
    jobs = scene.cap * (scene.tries * (scene.windows + 1) + 1) // 2
    database = Database(database_url)
    with database.begin() as conn:
        conn.execute(
            text(
                "INSERT INTO reddit_budgets (client_id, requests_per_window, window_seconds) "
                "VALUES (:client, :cap, :window)"
            ),
            {"client": CLIENT, "cap": scene.cap, "window": scene.window},
        )
        enqueueing.enqueue_many(
            conn,
            subreddits_named=[f"empty_{n}" for n in range(jobs)],
            priority=50,
            source=JobSource.USER,
        )
    database.close()


def consume(sandbox: RunningSandbox, scene: Scene, stop: threading.Event) -> None:
    """Another program with the same client id, at its own even pace."""
    gap = scene.window / (scene.cap * scene.others)
    due = time.monotonic()
    while not stop.wait(max(0.0, due - time.monotonic())):
        due = max(due + gap, time.monotonic())
        sandbox.get(OTHERS_PATH, id="t5_6")


def stats(sandbox: RunningSandbox) -> dict[str, Any]:
    return dict(sandbox.http.get("/sandbox/stats").json())


def count(sandbox: RunningSandbox, begins: float, ends: float) -> Seen:
    entries: Iterator[dict[str, Any]] = iter(
        sandbox.http.get("/sandbox/log", params={"limit": 100_000}).json()["entries"]
    )
    found: Counter[str] = Counter()
    for entry in entries:
        if begins <= entry["time"] < ends and entry["path"] != "/api/v1/access_token":
            found["theirs" if entry["path"] == OTHERS_PATH else "ours"] += entry["status"] != 429
    return Seen(stats(sandbox)["rate_limited"], found["ours"], found["theirs"])
