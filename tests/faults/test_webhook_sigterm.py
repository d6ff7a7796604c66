"""SIGTERM to a scheduler while attempts run: finished ones are recorded, others follow at once."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawljobs.db.database import Database
from scheduler.webhooks.claiming import LEASE
from scheduler.webhooks.deliverer import DRAIN_SECONDS
from support import service_process, webhook_receiver, webhook_rows
from support.service_process import ServiceProcess
from support.waiting import wait_until
from support.webhook_receiver import Receiver
from support.webhook_rows import VARIABLES, add_endpoint, add_events


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver.receiving() as running:
        yield running


def test_sigterm_records_short_attempts_and_releases_long_ones(
    database_url: str, database: Database, receiver: Receiver, tmp_path: Path
) -> None:
    def start(name: str) -> ServiceProcess:
        variables = {"DATABASE_URL": database_url, **VARIABLES}
        log = tmp_path / f"{name}.log"
        return service_process.start("scheduler", name=name, log=log, variables=variables)

    with database.begin() as conn:
        short = add_endpoint(conn, f"{receiver.url}/slow/1.5")
        long = add_endpoint(conn, f"{receiver.url}/silent")
        add_events(conn, 6)
    stopped = start("stopped")
    try:
        running = receiver.wait_for(4, path="/silent")
        receiver.wait_for(4, path="/slow/1.5")
        code, seconds = stopped.terminate()
    finally:
        stopped.kill()
    assert code == 0, stopped.told()
    assert seconds < DRAIN_SECONDS + 6, stopped.told()
    assert stopped.logged("webhook.attempts_interrupted", count=4)
    delivered = webhook_rows.deliveries(database, endpoint_id=short, state="delivered")
    assert len(delivered) == 4
    assert len(receiver.at("/slow/1.5")) == 4, "a stopping scheduler claims nothing more"
    assert len(webhook_rows.deliveries(database, endpoint_id=long, state="pending")) == 6

    ended = time.time()
    webhook_rows.change_endpoint(database, long, url=f"{receiver.url}/ok")
    successor = start("successor")
    try:
        wait_until(
            lambda: len(webhook_rows.deliveries(database, state="delivered")) == 12,
            timeout=20,
            describe=lambda: webhook_rows.deliveries(database, state="pending"),
        )
    finally:
        successor.kill()
    again = [each for each in receiver.at("/ok") if each.id in {one.id for one in running}]
    assert {each.id for each in again} == {one.id for one in running}
    assert max(each.at for each in again) - ended < LEASE.total_seconds() - 6, (
        "no lease to wait for"
    )
    assert len(webhook_rows.attempts(database, result="interrupted")) == 4
