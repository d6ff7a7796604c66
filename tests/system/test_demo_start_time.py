"""The time from the demo's start to the first claim. On a busy machine the result means nothing."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from time import time

import pytest

from support import demo

FIRST_SECONDS = 8.0  # after an install: the demo creates a database and compiles Python files
WARM_SECONDS = 3.0


def first_claim(data: Path) -> float:
    """Return the Unix time of the first claim in the logs of the demo's workers."""
    claims = [datetime.fromisoformat(stamp).timestamp() for stamp in claimed_at(data)]
    return min(claims)


def claimed_at(data: Path) -> Iterator[str]:
    for log in (data / "logs").glob("crawler-worker-*.log"):
        for line in log.read_text().splitlines():
            said = json.loads(line)
            if said["action"] == "job.claimed":
                yield said["timestamp"]
        log.unlink()


@pytest.mark.deep
def test_the_first_job_is_claimed_soon_after_a_start(open_folder: Path) -> None:
    data = open_folder / "data"
    arguments = ("--once", "--port", "0", "--data", str(data), "--subreddits", "tiny_one,tiny_two")
    for limit in (FIRST_SECONDS, WARM_SECONDS, WARM_SECONDS):
        began = time()
        assert demo.run(*arguments).returncode == 0
        assert first_claim(data) - began <= limit
