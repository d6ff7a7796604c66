"""`./run bench --peers` measures each workload for all candidates, in several rounds."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

import psycopg
from rich.console import Console

from benchmarks.harness import Bench
from benchmarks.peers import floor, install, report
from benchmarks.peers.candidates import CANDIDATES, OURS, Candidate
from benchmarks.peers.report import Comparison
from benchmarks.peers.workloads import QUICK, WORKLOADS, Round, Sizes

ROUNDS, ROUNDS_QUICK = 3, 2
JSON_FILE = install.ROOT / ".bench" / "peers.json"


def compare(
    console: Console,
    bench: Bench,
    *,
    only: tuple[str, ...],
    names: tuple[str, ...],
    json_file: Path,
) -> None:
    chosen = [c for name, c in CANDIDATES.items() if not names or name in {OURS, *names}]
    present, missing = install.install(chosen)
    for name, reason in missing.items():
        console.print(f"{name} is left out: {reason}")
    for found in measure(console, bench, present, only or tuple(WORKLOADS), missing):
        report.write_json(json_file, found)
    report.show(console, found)
    console.print(f"{json_file}")
    report.plot(console, json_file)


def measure(
    console: Console,
    bench: Bench,
    candidates: list[Candidate],
    workloads: tuple[str, ...],
    missing: dict[str, str],
) -> Iterator[Comparison]:
    """Yield the results after each round.

    A candidate that fails in a workload is reported, and left out of this workload from then on.
    """
    sizes = QUICK if bench.quick else Sizes()
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    failed: dict[str, str] = {}
    loads: list[float] = []
    with psycopg.connect(bench.server_url) as connection:
        (server,) = connection.execute("SELECT version()").fetchone() or ("",)
    for number in range(ROUNDS_QUICK if bench.quick else ROUNDS):
        loads.append(os.getloadavg()[0])
        for workload in workloads:
            # Each round begins with another candidate, because the order affects the measurement.
            turn = candidates[number % len(candidates) :] + candidates[: number % len(candidates)]
            for name, measured in entrants(bench, turn, sizes, workload):
                key = f"{name}, {workload}"
                if key in failed:
                    continue
                console.print(f"round {number + 1}: {key} ...")
                try:
                    figures = measured()
                except (AssertionError, RuntimeError, psycopg.Error) as error:
                    failed[key] = str(error)
                    console.print(f"{key}: {error}")
                    continue
                for figure, value in figures.items():
                    values[figure][name].append(value)
        yield Comparison(values, candidates, missing, failed, loads, server, asdict(sizes))


def entrants(
    bench: Bench, candidates: list[Candidate], sizes: Sizes, workload: str
) -> Iterator[tuple[str, Callable[[], dict[str, float]]]]:
    """Yield each candidate with its measurement of this workload. The floor comes last."""
    for candidate in candidates:
        yield candidate.name, partial(WORKLOADS[workload], Round(bench, candidate, sizes))
    if workload in floor.WORKLOADS:
        yield floor.NAME, partial(floor.WORKLOADS[workload], bench, sizes)
