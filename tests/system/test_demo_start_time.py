"""How soon after a start the first job is claimed; on a machine that is busy it says nothing."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from time import time

import pytest

from support import demo

FIRST_SECONDS = 8.0  # after an install: the database is made, Python's files are compiled
WARM_SECONDS = 3.0


def first_claim(data: Path) -> float:
    """Unix time of the first claim that the workers of this run logged."""
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
