"""The worker process: its exit code, its tasks, its log, and the time that a stop may take."""

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from crawler_worker import worker_probes, worker_process
from crawler_worker.claims.worker import Worker
from crawler_worker.maintenance.step_resolving import StepResolver
from crawler_worker.maintenance.sweeps import Maintenance
from crawler_worker.worker_process import WorkerProcess
from crawljobs import errors, settings
from crawljobs.db.database import Database
from crawljobs.repository.reddit_api import reddit_mixing
from crawljobs.runtime import startup, tracing
from crawljobs.runtime.probes.health import Health
from crawljobs.runtime.probes.probe_server import NotWell
from crawljobs.runtime.probes.readiness import Readiness


class Part:
    """Stands for a task or for the worker: it notes what is called."""

    def __init__(self, name: str, calls: list[str], run: Callable[[], bool] = bool) -> None:
        self._name = name
        self._calls = calls
        self._run = run

    def start(self) -> None:
        self._calls.append(f"start {self._name}")

    def stop(self) -> None:
        self._calls.append(f"stop {self._name}")

    def run(self) -> bool:
        self._calls.append(f"run {self._name}")
        return self._run()


class Process:
    """A worker process in this process, with a worker and two tasks that note their calls."""

    def __init__(self, database: Database, database_url: str, run: Callable[[], bool]) -> None:
        self.calls: list[str] = []
        self.stopping = threading.Event()
        self.health = Health(
            readiness=cast(Readiness, SimpleNamespace()), stopping=self.stopping, watched={}
        )
        self.process = WorkerProcess(
            cast(Worker, Part("worker", self.calls, run)),
            tasks=[Part("first", self.calls), Part("second", self.calls)],
            database=database,
            address=settings.read_database_settings({"DATABASE_URL": database_url}),
            reddit_api_url="http://127.0.0.1:9",
            health=self.health,
            stopping=self.stopping,
        )

    def run(self, monkeypatch: pytest.MonkeyPatch, *, has_ended: bool = True) -> int:
        """Run it with a drain of 30 s, as if its thread had ended or had not ended in time."""

        def run(work: Callable[[], None], *, on_stop: Callable[[], None], **about: Any) -> bool:
            work()
            on_stop()
            self.calls.append(f"wait {about['grace_seconds']:g} s for {about['thread_name']}")
            return has_ended

        monkeypatch.setattr(worker_process.process, "run", run)
        monkeypatch.setattr(tracing, "stop", lambda: self.calls.append("stop tracing"))
        return self.process.run(drain_seconds=30)


@pytest.mark.parametrize(("result", "code"), [(True, 0), (False, 1)])
def test_a_worker_that_only_a_restart_helps_ends_the_process_with_failure(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch, result: bool, code: int
) -> None:
    one = Process(database, database_url, lambda: result)
    with capture_logs() as told:
        assert one.run(monkeypatch) == code
    one.stopping.clear()
    one.health.check_started()
    assert one.calls == [
        "start first",
        "start second",
        "run worker",
        "stop second",
        "stop first",
        "stop worker",
        "wait 45 s for worker",
        "stop tracing",
    ]
    assert [(line["event"], line["log_level"]) for line in told] == [
        ("worker.started", "info"),
        ("worker.stopped", "info"),
    ]


def test_a_worker_that_does_not_end_in_time_is_logged(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Process(database, database_url, lambda: True)
    with capture_logs() as told:
        one.run(monkeypatch, has_ended=False)
    lines = [(line["event"], line["log_level"]) for line in told]
    assert lines[1:] == [("worker.stop_timed_out", "critical"), ("worker.stopped", "info")]


def test_a_stop_before_the_start_ends_the_process_with_success(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Process(database, database_url, lambda: False)
    one.stopping.set()
    assert one.run(monkeypatch) == 0
    assert "run worker" not in one.calls
    assert "start first" not in one.calls
    with pytest.raises(NotWell):
        one.health.check_started()


def test_a_stop_reaches_the_worker_and_the_probes(database: Database, database_url: str) -> None:
    one = Process(database, database_url, lambda: True)
    one.process._stop()
    assert one.stopping.is_set()
    assert one.calls == ["stop worker"]


def test_a_database_of_the_real_reddit_is_refused_before_the_first_claim(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.begin() as conn:
        reddit_mixing.refuse(conn, api_url="https://oauth.reddit.com")
    one = Process(database, database_url, lambda: True)
    with capture_logs() as told:
        assert one.run(monkeypatch) == 1
    assert one.calls == ["stop worker", "wait 45 s for worker", "stop tracing"]
    (failed,) = [line for line in told if line["event"] == "worker.start_failed"]
    assert failed["reason"].startswith("REDDIT_API_URL='http://127.0.0.1:9': this database holds")


def test_a_bug_of_the_worker_is_logged_and_ends_the_process_with_failure(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash() -> bool:
        raise ZeroDivisionError("a bug")

    one = Process(database, database_url, crash)
    with capture_logs() as told:
        assert one.run(monkeypatch) == 1
    crashed = [line for line in told if line["event"] == "worker.crashed"]
    assert [line["log_level"] for line in crashed] == ["error"]
    assert one.calls[2:5] == ["run worker", "stop second", "stop first"]


@pytest.mark.parametrize("check", ["wait_for_schema", "check_direct_address"])
@pytest.mark.parametrize(
    "error",
    [
        errors.SettingsError("refused"),
        errors.UnknownSchema("refused"),
        errors.DatabaseUnavailable("refused"),
    ],
)
def test_a_database_that_cannot_be_used_ends_the_process_with_failure(
    database: Database,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    check: str,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(startup, check, refuse)
    one = Process(database, database_url, lambda: True)
    with capture_logs() as told:
        assert one.run(monkeypatch) == 1
    assert "run worker" not in one.calls
    assert told[0] == {
        "event": "worker.start_failed",
        "log_level": "critical",
        "reason": "refused",
    }


@pytest.mark.parametrize(
    ("part", "limit"),
    [("claim loop", 100.0), ("claim keeper", 75.0), ("sweeps", 1.0), ("step resolver", 1.0)],
)
def test_a_worker_is_alive_until_a_part_is_silent_for_its_limit(part: str, limit: float) -> None:
    """With a poll each 5 s and a lease of 60 s."""
    silent = dict.fromkeys(("claim loop", "claim keeper", "sweeps", "step resolver"), 0.0)

    def beat(name: str) -> SimpleNamespace:
        return SimpleNamespace(seconds_since_beat=lambda: silent[name])

    worker = beat("claim loop")
    worker.keeper = beat("claim keeper")
    health = worker_probes.health_of(
        cast(Worker, worker),
        cast(Maintenance, beat("sweeps")),
        cast(StepResolver, beat("step resolver")),
        settings.read_queue_settings({"POLL_SECONDS": "5", "LEASE_SECONDS": "60"}),
        readiness=cast(Readiness, SimpleNamespace()),
        stopping=threading.Event(),
    )
    health.has_started()
    silent[part] = limit
    health.check_alive()
    silent[part] = limit + 0.5
    with pytest.raises(NotWell, match=part):
        health.check_alive()
