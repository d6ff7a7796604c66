"""All workers with the same client id share one circuit breaker."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.request_budget import PausedReason, Slot
from crawljobs.repository.reddit_api import (
    client_probes,
    reddit_outages,
    reddit_pauses,
    reply_failures,
    slot_reservation,
)

T0 = datetime(2031, 5, 4, 12, 0, tzinfo=UTC)
CLIENT = "client"


def reserve(conn: Connection, now: datetime = T0) -> Slot:
    return slot_reservation.reserve_slot(conn, client_id=CLIENT, longest_wait=10_000, now=now)


def good(conn: Connection) -> None:
    reply_failures.record_good(conn, client_id=CLIENT)


def failed(conn: Connection, now: datetime = T0) -> float:
    return reply_failures.record_failed(conn, client_id=CLIENT, now=now)


def probe(conn: Connection, now: datetime, *, is_good: bool) -> float:
    return reddit_outages.record_probe(conn, client_id=CLIENT, good=is_good, now=now)


@pytest.fixture
def budget(conn: Connection) -> Connection:
    reserve(conn)
    return conn


@pytest.fixture
def outage(budget: Connection) -> Connection:
    for _ in range(10):
        failed(budget)
    return budget


def test_good_replies_write_nothing(budget: Connection) -> None:
    version = "SELECT ctid FROM reddit_budgets"
    before = budget.execute(text(version)).scalar_one()
    good(budget)
    assert budget.execute(text(version)).scalar_one() == before
    assert not reserve(budget).troubled


def test_half_of_the_last_20_replies_open_the_breaker(budget: Connection) -> None:
    assert [failed(budget) for _ in range(9)] == [0.0] * 9
    for _ in range(9):
        good(budget)
    assert not reserve(budget).outage
    assert failed(budget) == pytest.approx(30)
    slot = reserve(budget)
    assert (slot.taken, slot.outage) == (False, True)
    assert slot.delay_seconds == pytest.approx(30)


def test_the_reply_before_the_breaker_opens_is_known(budget: Connection) -> None:
    would = []
    for _ in range(11):
        would.append(reply_failures.would_open(budget, client_id=CLIENT))
        failed(budget)
    assert would == [False] * 9 + [True, False]  # the breaker is open already
    reddit_outages.record_accepted(budget, client_id=CLIENT)
    assert not reply_failures.would_open(budget, client_id=CLIENT)
    assert not reply_failures.would_open(budget, client_id="of no budget")


def test_failures_older_than_20_replies_are_forgotten(budget: Connection) -> None:
    for _ in range(9):
        failed(budget)
    for _ in range(12):
        good(budget)
    assert failed(budget) == 0
    assert not reserve(budget).outage


@pytest.mark.parametrize(("good_replies", "opens"), [(10, True), (11, False)])
def test_the_last_twenty_replies_count(budget: Connection, good_replies: int, opens: bool) -> None:
    for _ in range(9):
        failed(budget)
    for _ in range(good_replies):
        good(budget)
    assert failed(budget) == (pytest.approx(30) if opens else 0)


def test_a_trouble_in_every_third_reply_opens_nothing(budget: Connection) -> None:
    for _ in range(40):
        assert failed(budget) == 0
        good(budget)
        good(budget)


def test_after_the_pause_one_worker_probes_and_the_others_wait(outage: Connection) -> None:
    later = T0 + timedelta(seconds=31)
    first, second = reserve(outage, later), reserve(outage, later)
    assert (first.taken, first.probe) == (True, True)
    assert (second.taken, second.outage) == (False, True)


def test_a_probe_that_nobody_tells_of_is_followed_by_another(outage: Connection) -> None:
    reserve(outage, T0 + timedelta(seconds=31))
    assert not reserve(outage, T0 + timedelta(seconds=100)).probe
    assert reserve(outage, T0 + timedelta(seconds=125)).probe


def test_a_good_probe_ends_the_outage(outage: Connection) -> None:
    later = T0 + timedelta(seconds=31)
    reserve(outage, later)
    assert probe(outage, later, is_good=True) == 0
    slot = reserve(outage, later)
    assert (slot.taken, slot.probe, slot.troubled) == (True, False, False)
    assert failed(outage, later) == 0


def test_the_last_accepted_probe_is_the_one_that_ended_the_pause(budget: Connection) -> None:
    """An earlier probe of another kind began long before the outage."""
    client_probes.take_probe(budget, client_id=CLIENT, since=0, now=T0)
    probe(budget, T0, is_good=True)
    outage_at = T0 + timedelta(days=3)
    for _ in range(10):
        failed(budget, outage_at)
    began = outage_at + timedelta(seconds=31)
    assert reserve(budget, began).probe
    probe(budget, began + timedelta(seconds=4), is_good=True)
    assert last_accepted(budget) == began
    # The result of a probe that another worker sent at the same time comes late.
    probe(budget, began + timedelta(seconds=5), is_good=True)
    assert last_accepted(budget) == began


def last_accepted(conn: Connection) -> datetime:
    found: datetime = conn.execute(text("SELECT probe_good_at FROM reddit_budgets")).scalar_one()
    return found


def test_the_pause_doubles_with_every_probe_that_fails(outage: Connection) -> None:
    now, pauses = T0 + timedelta(seconds=31), []
    for _ in range(5):
        assert reserve(outage, now).probe
        left = probe(outage, now, is_good=False)
        pauses.append(round(left))
        now += timedelta(seconds=left + 1)
    assert pauses == [60, 120, 240, 300, 300]


def test_late_failures_change_nothing_about_the_next_probe(outage: Connection) -> None:
    assert failed(outage, T0 + timedelta(seconds=10)) == pytest.approx(20)
    # The probe is overdue. A worker that fails now waits and is not charged.
    assert failed(outage, T0 + timedelta(seconds=40)) == 1
    assert reserve(outage, T0 + timedelta(seconds=31)).probe


@pytest.mark.parametrize(
    "reason", [PausedReason.CLIENT_REFUSED, PausedReason.CREDENTIALS_REFUSED, PausedReason.OUTAGE]
)
def test_late_failures_leave_the_reason_of_a_pause(
    budget: Connection, reason: PausedReason
) -> None:
    reddit_outages.pause(
        budget, client_id=CLIENT, reason=reason, detail="as it began", is_probe=False, now=T0
    )
    for seconds in range(25):
        reply_failures.record_failed(
            budget, client_id=CLIENT, detail="later", now=T0 + timedelta(seconds=seconds)
        )
    found = reddit_outages.paused(budget, client_id=CLIENT, now=T0)
    assert found is not None
    assert (found.reason, found.detail) == (reason, "as it began")


def test_only_the_report_that_starts_a_pause_is_new(budget: Connection) -> None:
    def report(reason: PausedReason) -> bool:
        return reddit_outages.pause(
            budget, client_id=CLIENT, reason=reason, detail="", is_probe=False, now=T0
        ).is_new

    reasons = [PausedReason.CLIENT_REFUSED] * 2 + [PausedReason.CREDENTIALS_REFUSED] * 2
    assert [report(reason) for reason in reasons] == [True, False, True, False]


def test_late_good_replies_do_not_end_an_outage(outage: Connection) -> None:
    for _ in range(20):
        good(outage)
    assert reserve(outage).outage


def test_an_outage_counts_as_a_pause_for_those_who_sleep_to_their_slot(outage: Connection) -> None:
    left = reddit_pauses.pause_left(outage, client_id=CLIENT, now=T0)
    assert left == pytest.approx(30)
