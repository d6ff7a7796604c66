"""Measure how a dozen processes share the request budget of one client id during an hour.

The processes use this project's Reddit client, and in a second run PRAW. A sandbox replaces Reddit.
One of its windows represents ten minutes, so six windows represent an hour. PRAW's clock runs
faster by the same factor. PRAW is optional: PRAW_PYTHON names a Python that has the packages of
`requirements/praw.lock`. Without PRAW, its figures are missing.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import text

from benchmarks.harness import Bench, Figure
from crawljobs.db.database import Database
from crawljobs.domain.request_budget import USABLE_SHARE
from support import reddit_sandbox
from support.reddit_sandbox import RunningSandbox

PROCESSES = 12
CAP = 1_000
WINDOW_SECONDS = 30
WINDOWS, WINDOWS_QUICK = 6, 1
START_SECONDS = 60
ROOT = Path(__file__).resolve().parents[2]
SOURCE_ROOTS = ("shared", "services", "deploy", "tests")


def measure(bench: Bench) -> list[Figure]:
    windows = WINDOWS_QUICK if bench.quick else WINDOWS
    permitted = windows * CAP * USABLE_SHARE
    with bench.database("shared_budget") as url:
        prepare(url)
        command = [sys.executable, "-m", "benchmarks.limiter_process", url]
        refused, served = share(command, windows)
    figures = [
        Figure(f"429s, {PROCESSES} processes, an hour", refused, "", limit=0),
        Figure("part of the budget left unused", 1 - served / permitted, "", limit=0.05),
    ]
    praw = praw_python()
    if praw is not None:
        script = str(Path(__file__).with_name("praw_process.py"))
        refused, served = share([praw, script], windows)
        figures += [
            Figure(f"429s of PRAW, {PROCESSES} processes, an hour", refused, ""),
            Figure("part of the budget that PRAW left unused", 1 - served / permitted, ""),
        ]
    return figures


def praw_python() -> str | None:
    """Return the path of a Python that has PRAW, or None."""
    candidate = os.environ.get("PRAW_PYTHON") or sys.executable
    found = subprocess.run([candidate, "-c", "import praw"], capture_output=True, check=False)
    return candidate if found.returncode == 0 else None


def prepare(url: str) -> None:
    """Insert the row of the budget, with the shorter window."""
    database = Database(url, pool_size=1)
    with database.begin() as conn:
        conn.execute(
            text(
                "INSERT INTO reddit_budgets (client_id, requests_per_window, window_seconds) "
                "VALUES ('bench', :cap, :window)"
            ),
            {"cap": CAP, "window": WINDOW_SECONDS},
        )
    database.close()


def share(command: Sequence[str], windows: int) -> tuple[int, int]:
    """Run the processes for a number of whole windows. Return the refused and served requests."""
    options = ("--rate-limit", CAP, "--rate-window", WINDOW_SECONDS, "--log-size", 200_000)
    with reddit_sandbox.serve(*options) as sandbox:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(str(ROOT / top) for top in SOURCE_ROOTS),
            "REDDIT_URL": sandbox.url,
            "REDDIT_WINDOW_SECONDS": str(WINDOW_SECONDS),
        }
        running = [
            subprocess.Popen([*command, f"empty_{n}"], env=environment) for n in range(PROCESSES)
        ]
        try:
            wait_for_all(sandbox)
            begins = (time.time() // WINDOW_SECONDS + 1) * WINDOW_SECONDS
            ends = begins + windows * WINDOW_SECONDS
            time.sleep(max(0.0, ends - time.time()))
            return count(sandbox, begins, ends)
        finally:
            for process in running:
                process.kill()
                process.wait()


def wait_for_all(sandbox: RunningSandbox) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        entries = sandbox.http.get("/sandbox/log", params={"limit": 200_000}).json()["entries"]
        if len({entry["path"] for entry in entries if "/r/empty_" in entry["path"]}) >= PROCESSES:
            return
        time.sleep(0.2)
    raise SystemExit("not every process made a request in time")


def count(sandbox: RunningSandbox, begins: float, ends: float) -> tuple[int, int]:
    entries = sandbox.http.get("/sandbox/log", params={"limit": 200_000}).json()["entries"]
    asked = [
        entry["status"]
        for entry in entries
        if begins <= entry["time"] < ends and not entry["path"].endswith("/access_token")
    ]
    return asked.count(429), len(asked) - asked.count(429)
