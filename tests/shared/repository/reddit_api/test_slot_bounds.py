"""The exact time of a slot, and which slots are reserved, at the limits of a budget."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.request_budget import PausedReason, Slot
from crawljobs.repository.reddit_api import slot_reservation
from support.jobs import T0

SECOND = timedelta(seconds=1)
CLIENT = "client"


@pytest.fixture(autouse=True)
def budgets(conn: Connection) -> None:
    """Two budgets whose windows began at T0."""
    conn.execute(
        text("INSERT INTO reddit_budgets (client_id, next_slot_at, window_started_at) "
             "VALUES ('client', :t, :t), ('other', :t, :t)"),
        {"t": T0},
    )  # fmt: skip


def reserve(conn: Connection, after: float = 0, **given: Any) -> Slot:
    options = {"longest_wait": 10_000, "now": T0 + after * SECOND, **given}
    return slot_reservation.reserve_slot(conn, client_id=CLIENT, **options)


def change(conn: Connection, **values: Any) -> None:
    conn.execute(
        text("UPDATE reddit_budgets SET " + ", ".join(f"{name} = :{name}" for name in values)
             + " WHERE client_id = 'client'"),
        values,
    )  # fmt: skip


def row(conn: Connection, client: str = CLIENT) -> Any:
    query = text("SELECT * FROM reddit_budgets WHERE client_id = :client")
    return conn.execute(query, {"client": client}).one()


def gap(conn: Connection, after: float) -> float:
    """Reserve a slot for now, and return the seconds to the next slot."""
    assert reserve(conn, after).delay_seconds == 0
    return (row(conn).next_slot_at - T0) / SECOND - after


def test_a_reserved_slot_is_counted_in_its_own_budget(conn: Connection) -> None:
    assert reserve(conn) == Slot(0.0, taken=True, expires_seconds=600.0, number=1)
    found = row(conn)
    assert (found.reserved, found.others, found.window_started_at) == (1, 0, T0)
    other = row(conn, "other")
    assert (other.reserved, other.next_slot_at) == (0, T0)


def test_a_window_has_at_least_one_request(conn: Connection) -> None:
    change(conn, requests_per_window=1)
    slots = [reserve(conn) for _ in range(3)]
    assert [slot.delay_seconds for slot in slots] == [0, 600, 1200]
    assert [slot.number for slot in slots] == [1, 1, 1]
    assert [slot.expires_seconds for slot in slots] == [600, 1200, 1800]


@pytest.mark.parametrize(
    ("reserved", "expected"),
    [
        (969, Slot(0.0, taken=True, expires_seconds=540.0, number=970, others=7)),
        (970, Slot(540.0, taken=True, expires_seconds=1140.0, number=1)),
        (999, Slot(540.0, taken=True, expires_seconds=1140.0, number=1)),
    ],
)
def test_a_full_window_leaves_the_start_of_the_next_one(
    conn: Connection, reserved: int, expected: Slot
) -> None:
    change(conn, reserved=reserved, others=7)
    assert reserve(conn, 60) == expected


def test_a_new_window_begins_without_the_requests_of_the_last_one(conn: Connection) -> None:
    change(conn, reserved=900, others=500)
    assert reserve(conn, 660) == Slot(0.0, taken=True, expires_seconds=540.0, number=1)
    found = row(conn)
    assert (found.reserved, found.others) == (1, 0)
    assert found.window_started_at == T0 + 600 * SECOND


@pytest.mark.parametrize(
    ("after", "reserved", "others", "expected"),
    [
        (29.9, 10, 5, 600 / 970),  # too early to know what other programs will send
        (30, 10, 5, 570 / (970 - 10 - 5 * 570 / 30)),
        (60, 10, 0, 600 / 970),
        (60, 100, 100, 540 / (870 * 0.1)),  # at most nine tenths are left to other programs
        (60, 969, 50, 540),  # one request is left
    ],
)
def test_the_rest_of_a_window_is_shared_with_other_programs_at_their_pace(
    conn: Connection, after: float, reserved: int, others: int, expected: float
) -> None:
    change(conn, reserved=reserved, others=others)
    assert gap(conn, after) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("longest", "taken"), [(4, True), (3.999, False)])
def test_a_slot_is_reserved_up_to_the_longest_wait(
    conn: Connection, longest: float, taken: bool
) -> None:
    change(conn, paused_until=T0 + 4 * SECOND)
    slot = reserve(conn, longest_wait=longest)
    assert (slot.taken, slot.delay_seconds) == (taken, 4.0)
    assert row(conn).reserved == int(taken)


@pytest.mark.parametrize(
    ("delay", "queue", "taken"),
    [
        (0.25, 0, True),  # always near enough
        (0.251, 0, False),
        (600 / 970, 1, True),
        (600 / 970 + 0.001, 1, False),
        (600 / 970 + 0.001, None, True),
    ],
)
def test_a_slot_is_reserved_behind_a_short_queue_alone(
    conn: Connection, delay: float, queue: float | None, taken: bool
) -> None:
    change(conn, next_slot_at=T0 + delay * SECOND)
    assert reserve(conn, longest_queue=queue).taken is taken


@pytest.mark.parametrize(
    ("after", "taken", "delay"), [(-0.1, False, 0.1), (0, True, 0.0), (9, True, 0.0)]
)
def test_the_first_request_after_an_outage_is_a_probe(
    conn: Connection, after: float, taken: bool, delay: float
) -> None:
    reason = PausedReason.CLIENT_REFUSED
    change(conn, outage_until=T0, paused_reason=reason.value, paused_detail="403",
           next_slot_at=T0 - SECOND)  # fmt: skip
    slot = reserve(conn, after)
    assert (slot.taken, slot.outage, slot.probe) == (taken, not taken, taken)
    assert slot.delay_seconds == pytest.approx(delay)
    assert (slot.troubled, slot.paused_reason, slot.paused_detail) == (True, reason, "403")
    end = T0 + (after + 90) * SECOND if taken else T0
    assert row(conn).outage_until == end


@pytest.mark.parametrize("stored", [None, "rate_limit"])
def test_an_open_breaker_without_a_reason_of_its_own_is_an_outage(
    conn: Connection, stored: str | None
) -> None:
    change(conn, outage_until=T0 + SECOND, paused_reason=stored)
    assert reserve(conn).paused_reason is PausedReason.OUTAGE
    change(conn, outage_until=None)
    assert reserve(conn).paused_reason is None


@pytest.mark.parametrize(("failures", "troubled"), [(0, False), (1, True)])
def test_a_failure_among_the_last_replies_is_trouble(
    conn: Connection, failures: int, troubled: bool
) -> None:
    change(conn, recent_failures=failures)
    assert reserve(conn).troubled is troubled
