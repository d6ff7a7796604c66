"""The gauges at exact times, and with several client ids, sessions and databases."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.repository import gauges
from crawljobs.repository.operations import service_instances
from crawljobs.repository.reddit_api import slot_reservation
from support.jobs import T0, crawling


def test_a_worker_is_alive_for_less_than_a_minute_after_its_heartbeat(conn: Connection) -> None:
    service_instances.seen(
        conn, name="w", role="crawler-worker", version="1", details={}, starts=True, now=T0
    )
    ages = (timedelta(0), timedelta(seconds=59.9), timedelta(seconds=60))
    found = [gauges.read_gauges(conn, now=T0 + age).workers_alive for age in ages]
    assert found == [1, 1, 0]


@pytest.mark.parametrize(("seconds", "expired"), [(29.9, 0), (30, 0), (30.1, 1)])
def test_a_lease_has_expired_after_its_end(conn: Connection, seconds: float, expired: int) -> None:
    crawling(conn)
    found = gauges.read_gauges(conn, now=T0 + timedelta(seconds=seconds))
    assert found.expired_leases == expired


@pytest.mark.parametrize(
    ("seconds", "reason"), [(0, "outage"), (599.9, "outage"), (600, "rate_limit")]
)
def test_an_outage_whose_probe_is_overdue_by_ten_minutes_is_no_pause(
    conn: Connection, seconds: float, reason: str
) -> None:
    slot_reservation.reserve_slot(conn, client_id="id", longest_wait=60, now=T0)
    conn.execute(
        text("UPDATE reddit_budgets SET outage_until = :now, paused_until = :later"),
        {"now": T0, "later": T0 + timedelta(hours=1)},
    )
    found = gauges.read_gauges(conn, now=T0 + timedelta(seconds=seconds))
    assert [one.value for one, is_paused in found.paused.items() if is_paused] == [reason]


def test_the_reasons_of_all_pauses_are_seen(conn: Connection) -> None:
    for client, reason in (("a", "client_refused"), ("b", "rate_limit"), ("c", "client_refused")):
        slot_reservation.reserve_slot(conn, client_id=client, longest_wait=60, now=T0)
        conn.execute(
            text("UPDATE reddit_budgets SET outage_until = :end, paused_reason = :reason "
                 "WHERE client_id = :client"),
            {"end": T0 + timedelta(minutes=1), "reason": reason, "client": client},
        )  # fmt: skip
    found = gauges.read_gauges(conn, now=T0).paused
    # A breaker is open for no rate limit: this reason was stored before the breaker opened.
    assert {one.value for one, is_paused in found.items() if is_paused} == {
        "client_refused", "outage",
    }  # fmt: skip
    assert set(gauges.read_gauges(conn, now=T0 + timedelta(hours=1)).paused.values()) == {False}


def test_the_smallest_budget_of_all_client_ids_counts(conn: Connection) -> None:
    for client, reserved in (("a", 3), ("b", 900), ("c", 0)):
        slot_reservation.reserve_slot(conn, client_id=client, longest_wait=60, now=T0)
        conn.execute(
            text("UPDATE reddit_budgets SET reserved = :number WHERE client_id = :client"),
            {"number": reserved, "client": client},
        )
    assert gauges.read_gauges(conn, now=T0).reddit_budget_remaining == 70


def test_a_transaction_of_another_database_holds_no_rows_of_this_one(
    conn: Connection, databases: Any
) -> None:
    with databases.clone() as url, psycopg.connect(url) as holder:
        holder.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        holder.execute("SELECT 1")
        conn.exec_driver_sql("SELECT 1")  # the own snapshot does not count either
        assert gauges.read_gauges(conn).oldest_xmin_seconds == 0
