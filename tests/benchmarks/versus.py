"""`./run bench --against CHECKOUT` compares the cost of jobs with another checkout of the project.

Both checkouts run in turn, and each round begins with the other one. A ratio is the median of the
ratios of the rounds.
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks import versus_process
from benchmarks.harness import Figure
from benchmarks.peers import install

ROUNDS, ROUNDS_QUICK = 5, 2
JOBS, JOBS_QUICK = 100_000, 10_000
DEADLINE_SECONDS = 900
ROOTS = ("tests", "shared", "services", "deploy")


def compare(checkout: Path, *, quick: bool) -> list[Figure]:
    """Return the figures of both checkouts, and their ratios. This checkout is `here`."""
    places = {"here": install.ROOT, "there": checkout}
    rounds: list[dict[str, dict[str, float]]] = []
    for number in range(ROUNDS_QUICK if quick else ROUNDS):
        order = [*places] if number % 2 else [*reversed(places)]
        measured = {name: measure(places[name], JOBS_QUICK if quick else JOBS) for name in order}
        rounds.append(measured)
    figures = []
    for key, unit in (("drain", "jobs/s"), ("WAL", "B"), ("statements", "")):
        for name in places:
            value = statistics.median(each[name][key] for each in rounds)
            figures.append(Figure(f"{key}, {name}", value, unit))
        ratio = statistics.median(each["here"][key] / each["there"][key] for each in rounds)
        figures.append(Figure(f"{key}, here against there", ratio, "x"))
    return figures


def measure(checkout: Path, jobs: int) -> dict[str, float]:
    """Run the measurement with the code of this checkout. Raises CalledProcessError."""
    roots = os.pathsep.join(str(checkout.resolve() / root) for root in ROOTS)
    done = subprocess.run(
        [sys.executable, versus_process.__file__, str(jobs)],
        env={**os.environ, "PYTHONPATH": roots},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=DEADLINE_SECONDS,
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found
