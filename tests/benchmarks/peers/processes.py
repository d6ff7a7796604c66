"""Start the runners of the candidates and read their reports."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.peers import install
from benchmarks.peers.candidates import Candidate

ROOT = Path(__file__).resolve().parents[3]
SOURCE_ROOTS = ("shared", "services", "deploy", "tests")
ANSWER_SECONDS = 600  # the slowest candidate enqueues 50,000 jobs at 1,000 per second
STOP_SECONDS = 20

Told = dict[str, Any]


def command(candidate: Candidate) -> list[str]:
    if candidate.kind == "node":
        return ["node", str(install.node_folder() / candidate.runner)]
    if candidate.kind == "go":
        return [str(install.go_program())]
    python = sys.executable if candidate.kind == "ours" else str(install.python())
    return [python, "-m", "benchmarks.peers.runner", candidate.runner]


def environment(candidate: Candidate) -> dict[str, str]:
    roots = SOURCE_ROOTS if candidate.kind == "ours" else ("tests",)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(str(ROOT / top) for top in roots)}


@dataclass
class Running:
    """A running runner. `told` receives its reports, and None when the runner has ended."""

    name: str
    process: "subprocess.Popen[str]"
    told: "queue.Queue[Told | None]" = field(default_factory=queue.Queue)

    def next(self, seconds: float = ANSWER_SECONDS) -> Told:
        try:
            told = self.told.get(timeout=seconds)
        except queue.Empty:
            raise RuntimeError(f"{self.name} told nothing within {seconds:g} s") from None
        if told is None:
            raise RuntimeError(f"{self.name} ended ({self.process.wait()}): see above")
        return told

    def ports(self) -> set[int]:
        """Return the local ports of the runner's connections, which identify its sessions."""
        parent = psutil.Process(self.process.pid)
        found = [parent, *parent.children(recursive=True)]
        return {one.laddr.port for each in found for one in each.net_connections() if one.raddr}

    def megabytes(self) -> float:
        return float(psutil.Process(self.process.pid).memory_info().rss) / 2**20


@contextlib.contextmanager
def running(candidate: Candidate, *arguments: object) -> Iterator[Running]:
    process = subprocess.Popen(
        [*command(candidate), *map(str, arguments)],
        env=environment(candidate),
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,  # a runner may start other processes, which must end with it
    )
    found, lines = Running(candidate.name, process), process.stdout
    assert lines is not None

    def read() -> None:
        for line in lines:
            found.told.put(json.loads(line))
        found.told.put(None)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield found
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_SECONDS)
        reader.join(STOP_SECONDS)
        lines.close()


def ask(candidate: Candidate, *arguments: object) -> Told:
    """Run a runner that reports once and ends by itself. Return its report."""
    with running(candidate, *arguments) as one:
        return one.next()
