"""Several real worker processes share one client id, and the sandbox counts their requests.

The clock is faster: a window of the sandbox and of the stored budget stands for Reddit's ten
minutes. Six windows stand for an hour.
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
OTHERS_PATH = "/api/info"  # only the other program requests this path, and no crawl in this test


@dataclass(frozen=True)
class Scene:
    """The parameters of a run.

    `others` is the part of the cap that another program with the client id uses. `tries` is the
    highest number of measurements. The first measurement in which the workers use the part `enough`
    of their permitted requests is the last.
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
    """On a busy machine the workers may lack time in one window, but not in every window."""
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
    print(  # noqa: T201 - the numbers are the result: run the test with -s
        f"\n12 workers, one hour, others {others:.0%}: {seen}, "
        f"{seen.ours / permitted(scene, seen):.1%} of what was permitted"
    )
    assert seen.rate_limited == 0
    assert seen.ours >= scene.enough * permitted(scene, seen)


def permitted(scene: Scene, seen: Seen) -> float:
    return request_budget.USABLE_SHARE * scene.cap * scene.windows - seen.theirs


def play(scene: Scene, database_url: str, folder: Path) -> Seen:
    """Run the workers over whole windows, and return the counts of the last measurement."""
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
    """Wait for whole windows, beginning with the next one, and return their counts."""
    begins = (time.time() // scene.window + 1) * scene.window
    ends = begins + scene.windows * scene.window
    wait_until(
        lambda: time.time() > ends,
        timeout=(scene.windows + 2) * scene.window,
        describe="the last window to pass",
    )
    return count(sandbox, begins, ends)


def prepare(database_url: str, scene: Scene) -> None:
    """Store the budget with the faster clock, and more jobs than the workers can finish."""
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
    """Send requests as another program with the same client id, at an even rate."""
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
