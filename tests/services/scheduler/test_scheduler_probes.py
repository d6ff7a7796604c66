"""The scheduler answers probes and shows metrics of the database."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from crawljobs.db.administration import migration
from crawljobs.db.database import Database
from support import probes, service_process, tcp_proxy
from support.jobs import enqueue
from support.service_process import ServiceProcess
from support.waiting import wait_until

SCRIPTS = Path(__file__).resolve().parents[3] / "migrations"
DEADLINE_SECONDS = 30
Start = Callable[[str], ServiceProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started = []

    def start(url: str) -> ServiceProcess:
        variables = {"DATABASE_URL": url, "PROBE_BIND": "127.0.0.1:0"}
        log = tmp_path / "scheduler.log"
        started.append(
            service_process.start("scheduler", name="scheduler-1", log=log, variables=variables)
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()


def test_it_is_ready_from_when_the_schema_is_known_until_it_is_stopped(
    start: Start, empty_database_url: str
) -> None:
    process = start(empty_database_url)
    url = probes.address(process)
    assert (
        "`crawljobs-migrate upgrade`" in process.wait_for("database.waiting_for_schema")["reason"]
    )
    assert probes.status(url, "/healthz") == 200
    assert probes.status(url, "/startupz") == 503
    assert probes.status(url, "/readyz") == 503
    assert probes.samples(url)["crawl_db_up"] == 0  # the gauges cannot be read yet
    migration.upgrade(SCRIPTS, empty_database_url)
    wait_until(
        lambda: probes.status(url, "/readyz") == 200, timeout=DEADLINE_SECONDS, describe="ready"
    )
    assert probes.status(url, "/startupz") == 200
    process.signal(signal.SIGTERM)
    assert process.wait() == 0
    assert probes.status(url, "/healthz") == 0


def test_what_it_did_and_what_the_database_holds_are_shown(
    start: Start, database: Database, database_url: str
) -> None:
    with database.begin() as conn:
        for number in range(3):
            enqueue(conn, f"sub{number}", now=None)
        conn.execute(
            text(
                "INSERT INTO scheduled_jobs (name, subreddit_id, cron_expression, next_run_at) "
                "SELECT name, id, CASE name WHEN 'sub0' THEN 'broken' ELSE '@yearly' END, "
                "date_trunc('year', now()) FROM subreddits"
            )
        )
    process = start(database_url)
    url = probes.address(process)
    wait_until(
        lambda: probes.samples(url)["crawl_schedule_ticks_total{outcome=merged}"] == 2,
        timeout=DEADLINE_SECONDS,
        describe=lambda: process.log.read_text(),
    )
    wait_until(
        lambda: probes.samples(url)["crawl_schedules{enabled=false}"] == 1,
        timeout=DEADLINE_SECONDS,
        describe="the gauges to be read anew",
    )
    shown = probes.samples(url)
    assert shown["crawl_schedule_ticks_total{outcome=disabled}"] == 1
    # The missed tick is of the disabled schedule.
    assert shown["crawl_schedule_ticks_total{outcome=missed}"] == 1
    assert shown["crawl_schedule_missed_total"] == 1
    assert shown["crawl_jobs_enqueued_total{result=merged}{source=schedule}"] == 2
    assert shown["crawl_schedule_delay_seconds_count"] == 2
    assert shown["crawl_queue_depth"] == 3
    assert shown["crawl_schedule_lag_seconds"] == 0
    assert shown["crawl_scheduler_last_tick_timestamp_seconds"] > 1.7e9
    assert next(name for name in shown if "crawl_build_info" in name and "scheduler" in name)


def test_a_scrape_of_a_silent_database_is_shorter_than_the_timeout_of_prometheus(
    start: Start, database_url: str
) -> None:
    with tcp_proxy.serve(database_url) as network:
        url = probes.address(start(network.url))
        wait_until(
            lambda: probes.samples(url).get("crawl_db_up") == 1,
            timeout=DEADLINE_SECONDS,
            describe="the gauges",
        )
        network.stall()
        wait_until(  # the gauges are kept for 5 s
            lambda: probes.samples(url)["crawl_db_up"] == 0,  # raises after 10 s without a reply
            timeout=DEADLINE_SECONDS,
            describe="no gauges",
        )
        shown = probes.samples(url)
        assert "crawl_queue_depth" not in shown
        assert not [name for name in shown if name.startswith("crawl_db_table_bytes")]
