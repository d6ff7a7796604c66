"""Fixtures that start real scheduler processes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support import service_process
from support.service_process import ServiceProcess


@pytest.fixture
def start_scheduler(tmp_path: Path) -> Iterator[Callable[..., ServiceProcess]]:
    """Yield a function that starts the scheduler. All processes are killed at the end."""
    started: list[ServiceProcess] = []

    def start(database_url: str, **variables: str) -> ServiceProcess:
        name = f"scheduler-{len(started)}"
        scheduler = service_process.start(
            "scheduler",
            name=name,
            log=tmp_path / f"{name}.log",
            variables={"DATABASE_URL": database_url, **variables},
        )
        started.append(scheduler)
        return scheduler

    yield start
    for scheduler in started:
        scheduler.kill()
