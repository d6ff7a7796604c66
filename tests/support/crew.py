"""Crawler-workers as real processes. Their leases are short, so that a fault has an end soon."""

import itertools
from dataclasses import dataclass, field
from pathlib import Path

from support import service_process
from support.service_process import ServiceProcess

PRODUCTION = "crawler_worker"
SCRIPTED = "support.scripted_worker"
LEASE_SECONDS = 2.0
QUICK = {
    "LEASE_SECONDS": str(LEASE_SECONDS),
    "POLL_SECONDS": "0.5",
    "RESCUE_SECONDS": "0.2",
    "REQUEUE_SECONDS": "0.1",
    "RETRY_BASE_SECONDS": "0.05",
    "DRAIN_SECONDS": "5",
    "WORKER_CONCURRENCY": "3",
    # No discovery, because it would never end in the sandbox.
    "DISCOVERY_MAX_DEPTH": "0",
    "USER_SUB_ENQUEUE_MAX": "0",
    "USER_SUB_FETCH_LIMIT": "2",
    "MAX_POSTS_PER_SUB": "100",
}


@dataclass
class Crew:
    """The workers of one test. `close` kills all of them."""

    folder: Path
    database_url: str
    sandbox_url: str = "http://127.0.0.1:1"
    workers: list[ServiceProcess] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def start(
        self, module: str = SCRIPTED, *, database_url: str | None = None, **variables: str
    ) -> ServiceProcess:
        name = f"worker-{next(self._numbers)}"
        worker = service_process.start(
            module,
            name=name,
            log=self.folder / f"{name}.log",
            variables={
                "DATABASE_URL": database_url or self.database_url,
                "REDDIT_CLIENT_ID": "tests",
                "REDDIT_CLIENT_SECRET": "tests",
                "REDDIT_API_URL": self.sandbox_url,
                "REDDIT_AUTH_URL": self.sandbox_url,
                "GATES": str(self.folder),
                **QUICK,
                **variables,
            },
        )
        self.workers.append(worker)
        return worker

    def started(
        self, module: str = SCRIPTED, *, database_url: str | None = None, **variables: str
    ) -> ServiceProcess:
        """Start a worker, and wait until it has begun to poll for jobs."""
        worker = self.start(module, database_url=database_url, **variables)
        worker.wait_for("worker.started")
        return worker

    def open_gate(self, name: str) -> None:
        """Let the scripted crawl of this subreddit continue."""
        (self.folder / f"{name}.open").touch()

    def alive(self) -> list[ServiceProcess]:
        return [worker for worker in self.workers if worker.is_alive()]

    def log(self) -> str:
        """Return the last part of each worker's log, for the message of a failed test."""
        return "\n".join(
            f"{worker.name}:\n{worker.log.read_text(errors='replace')[-3000:]}"
            for worker in self.workers
        )

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()
