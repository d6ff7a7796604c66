"""The worker answers probes, and its counters agree with the rows of the database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from crawljobs.db.database import Database
from crawljobs.domain.job import JobSource
from support import collector, enqueueing, probes
from support.crew import Crew
from support.service_process import ServiceProcess
from support.waiting import wait_until

DEADLINE_SECONDS = 30
BIND = {"PROBE_BIND": "127.0.0.1:0"}


@pytest.fixture
def crew(tmp_path: Path, database_url: str) -> Iterator[Crew]:
    crew = Crew(tmp_path, database_url)
    yield crew
    crew.close()


def enqueue(database: Database, *names: str) -> None:
    with database.begin() as conn:
        enqueueing.enqueue_many(
            conn, subreddits_named=names, priority=50, source=JobSource.USER, max_retries=0
        )


def test_a_production_worker_that_cannot_reach_reddit_is_alive_ready_and_counts(
    crew: Crew, database: Database
) -> None:
    enqueue(database, "first", "second")
    with collector.serve() as received:
        worker = crew.start("crawler_worker", OTEL_EXPORTER_OTLP_ENDPOINT=received.url, **BIND)
        check_production_worker(crew, worker)
        spans = {(span.service, span.name) for span in received.spans()}
    assert {("crawler-worker", name) for name in ("claim", "crawl")} <= spans
    assert worker.logged("worker.started", level="info")
    assert worker.logged("worker.stopped", level="info")
    assert not worker.logged("worker.stop_timed_out")


def check_production_worker(crew: Crew, worker: ServiceProcess) -> None:
    url = probes.address(worker)
    wait_until(
        lambda: probes.status(url, "/readyz") == 200, timeout=DEADLINE_SECONDS, describe=crew.log
    )
    assert probes.status(url, "/healthz") == 200
    assert probes.status(url, "/startupz") == 200

    def ended() -> float:
        shown = probes.samples(url)
        return sum(
            shown[f"crawl_job_attempts_total{{outcome={outcome}}}"]
            for outcome in ("failed", "deferred")
        )

    wait_until(lambda: ended() >= 2, timeout=DEADLINE_SECONDS, describe=crew.log)
    shown = probes.samples(url)
    assert shown["crawl_job_wait_seconds_count"] >= 2
    assert shown["crawl_claim_duration_seconds_count"] >= 1
    assert shown["crawl_reddit_requests_total{code=none}{endpoint=token}"] > 0
    assert next(name for name in shown if "crawl_build_info" in name and "worker" in name)
    assert worker.terminate()[0] == 0
    assert probes.status(url, "/healthz") == 0


def test_a_database_that_went_away_is_no_reason_to_be_restarted(
    crew: Crew, empty_database_url: str
) -> None:
    worker = crew.start("crawler_worker", database_url=empty_database_url, **BIND)
    url = probes.address(worker)
    assert probes.status(url, "/healthz") == 200
    assert probes.status(url, "/startupz") == 503
    assert probes.status(url, "/readyz") == 503


def test_an_address_that_cannot_be_bound_stops_the_process_by_name(crew: Crew) -> None:
    worker = crew.start("crawler_worker", PROBE_BIND="192.0.2.1:8081")
    assert worker.wait() == 1
    assert "PROBE_BIND='192.0.2.1:8081' cannot be used (" in worker.log.read_text()


def test_a_refused_direct_address_ends_the_process_with_failure(
    crew: Crew, database_url: str
) -> None:
    missing = make_url(database_url).set(database="missing").render_as_string(hide_password=False)
    worker = crew.start("crawler_worker", DATABASE_DIRECT_URL=missing, **BIND)
    assert worker.wait() == 1
    (line,) = worker.logged("worker.start_failed")
    assert line["reason"].startswith("DATABASE_DIRECT_URL: ")
