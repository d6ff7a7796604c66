"""Start worker processes and read their reports of begun crawls."""

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
# Workers import the code of this checkout, even if PYTHONPATH names other code.
SOURCES = [TESTS, *(TESTS.parent / top for top in ("shared", "services"))]
STOP_SECONDS = 20


@dataclass(frozen=True)
class RunningWorker:
    process: subprocess.Popen[str]
    begun: "queue.Queue[dict[str, Any]]"


@contextlib.contextmanager
def worker(
    name: str, url: str, manner: str, begun: "queue.Queue[dict[str, Any]]", **variables: str
) -> Iterator[RunningWorker]:
    """Run a worker process. The report of each begun crawl is put into `begun`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.worker_process", name, url, manner],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, SOURCES)), **variables},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    lines = process.stdout

    def read() -> None:
        for line in lines:
            begun.put(json.loads(line))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield RunningWorker(process, begun)
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)
        reader.join(STOP_SECONDS)
        lines.close()
