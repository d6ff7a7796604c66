"""What a worker process makes of its settings, before it reaches the database."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
PROGRAM = """
import json, sys
from crawler_worker import __main__ as worker

seen = {}

class Database:
    def __init__(self, url, **options):
        seen.update(options)

class Client:
    tally = None

    def __init__(self, settings, *, database, threads):
        seen["threads"] = threads

class Process:
    def __init__(self, worker, *, tasks, stopping, **_):
        seen["tasks"] = [type(task).__name__ for task in tasks]
        before = tasks[2]._details()["draining"]
        stopping.set()
        seen["draining"] = [before, tasks[2]._details()["draining"]]

    def run(self, *, drain_seconds):
        seen["drain_seconds"] = drain_seconds
        return 7

def readiness_of(address, name):
    seen["probes"] = name

worker.worker_probes.readiness_of = readiness_of
worker.Database, worker.RedditClient, worker.WorkerProcess = Database, Client, Process
code = worker.main()
print(json.dumps({**seen, "code": code}))
"""
NAME = "w" * 100


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (
            {"WORKER_CONCURRENCY": "3", "LEASE_SECONDS": "60", "DRAIN_SECONDS": "9"},
            {
                "pool_size": 12,  # one for each crawl and nine more
                "threads": 10,  # three crawls, six hanging crawls and the refresher
                "reply_seconds": 10.0,
                "drain_seconds": 9.0,
                "draining": [False, True],
                "tasks": ["Maintenance", "StepResolver", "Heartbeat", "Refresher"],
            },
        ),
        (
            {"WORKER_CONCURRENCY": "1", "LEASE_SECONDS": "4", "REFRESH_ITEMS": "false"},
            {
                "pool_size": 10,
                "threads": 4,
                "reply_seconds": 4.0,
                "drain_seconds": 25.0,
                "draining": [False, True],
                "tasks": ["Maintenance", "StepResolver", "Heartbeat", "Refresher"],
            },
        ),
    ],
)
def test_the_settings_decide_on_connections_threads_and_tasks(
    variables: dict[str, str], expected: dict[str, Any]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in ("shared", "services")),
            "DATABASE_URL": "postgresql://127.0.0.1:9/none",
            "REDDIT_CLIENT_ID": "id",
            "REDDIT_CLIENT_SECRET": "hush",
            "INSTANCE_NAME": NAME,
            "PROBE_BIND": "127.0.0.1:0",
            **variables,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found = json.loads(done.stdout)
    assert found == {
        **expected,
        "application_name": f"crawljobs {NAME}"[:63],
        "probes": f"crawljobs {NAME}"[:63],
        "pooled": False,
        "code": 7,
    }
