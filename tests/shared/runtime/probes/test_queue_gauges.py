"""The gauges of the queue as Prometheus reads them."""

import threading
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from crawljobs.db.database import Database
from crawljobs.domain.job import JobStatus
from crawljobs.repository import gauges
from crawljobs.runtime.probes import exposition, queue_gauges
from crawljobs.runtime.probes.queue_gauges import QueueGauges
from support.jobs import T0, enqueue, in_status


def scrape(collector: Any) -> dict[str, float]:
    """Return the samples of a scrape: name{labels} -> value."""
    registry = CollectorRegistry()
    registry.register(collector)
    shown = generate_latest(registry).decode()
    return {
        sample.name + "".join(f"{{{k}={v}}}" for k, v in sample.labels.items()): sample.value
        for family in text_string_to_metric_families(shown)
        for sample in family.samples
    }


def test_the_gauges_are_the_numbers_of_the_database(database: Database) -> None:
    with database.begin() as conn:
        in_status(conn, JobStatus.FAILED, "aa")
        enqueue(conn, "bb", priority=100)
        enqueue(conn, "cc", priority=9, now=T0)
    shown = scrape(QueueGauges(database))
    assert shown["crawl_jobs{state=queued}"] == 2
    assert shown["crawl_jobs{state=failed}"] == 1
    assert shown["crawl_queue_depth"] == 2
    assert shown["crawl_queued_jobs{priority_band=90-100}"] == 1
    assert shown["crawl_queued_jobs{priority_band=0-9}"] == 1
    assert shown["crawl_queued_jobs{priority_band=50-59}"] == 0
    assert shown["crawl_schedules{enabled=true}"] == 0
    assert "crawl_reddit_budget_remaining" not in shown
    assert shown["crawl_db_up"] == 1
    assert shown["crawl_recent_jobs{outcome=failed}"] == 1
    assert shown["crawl_recent_jobs{outcome=succeeded}"] == 0
    assert shown["crawl_work_pending"] == 1
    assert "crawl_last_success_timestamp_seconds" not in shown


def test_many_scrapes_ask_the_database_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    read = gauges.read_gauges
    monkeypatch.setattr(gauges, "read_gauges", lambda conn: (asked.append(1), read(conn))[1])
    collector = QueueGauges(database)
    threads = [threading.Thread(target=scrape, args=(collector,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert asked == [1]


def test_without_the_database_there_are_no_gauges_instead_of_old_ones(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_gauges, "KEPT_SECONDS", 0.0)
    assert "crawl_queue_depth" in scrape(QueueGauges(database))
    away = Database("postgresql://127.0.0.1:1/none")
    assert scrape(QueueGauges(away)) == {"crawl_db_up": 0}


def test_the_build_is_told() -> None:
    (shown,) = scrape(exposition.BuildInfo("scheduler"))
    assert shown.startswith("crawl_build_info{")
    assert "{service=scheduler}{version=" in shown
