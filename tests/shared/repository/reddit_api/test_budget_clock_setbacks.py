"""The request budget and the token continue to work after a clock was set back."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.request_budget import Slot
from crawljobs.repository.reddit_api import (
    reddit_pauses,
    reddit_tokens,
    reply_failures,
    slot_reservation,
    token_turns,
)
from support.clock_setbacks import SETBACKS, mend
from support.jobs import T0

SECOND = timedelta(seconds=1)

MINUTE = timedelta(minutes=1)

DAY = timedelta(days=1)

CLIENT = "client"


def reserve(conn: Connection, now: datetime) -> Slot:
    return slot_reservation.reserve_slot(conn, client_id=CLIENT, longest_wait=30, now=now)


@pytest.mark.parametrize("setback", SETBACKS)
@pytest.mark.parametrize("spent", [1, 969, 970])
def test_requests_go_on_after_a_setback(conn: Connection, setback: timedelta, spent: int) -> None:
    reserve(conn, T0)
    conn.execute(text("UPDATE reddit_budgets SET reserved = :spent - 1"), {"spent": spent})
    reserve(conn, T0 + SECOND)
    now = T0 - setback
    assert not reserve(conn, now).taken
    assert mend(conn, now) == {"reddit_budgets": 1}
    slot = reserve(conn, now)
    assert (slot.taken, slot.delay_seconds) == (True, 0)


def test_a_setback_within_a_window_holds_requests_up_for_the_rest_of_it_at_most(
    conn: Connection,
) -> None:
    start = T0 + 5 * MINUTE  # a window begins at T0
    reserve(conn, start)
    now = start - 4 * MINUTE
    mend(conn, now)
    assert reserve(conn, now).delay_seconds <= 600


@pytest.mark.parametrize("setback", SETBACKS)
def test_a_pause_by_reddit_does_not_last_for_the_setback(
    conn: Connection, setback: timedelta
) -> None:
    reserve(conn, T0)
    reddit_pauses.pause_all(conn, client_id=CLIENT, seconds=3600, now=T0)
    now = T0 - setback
    mend(conn, now)
    assert reddit_pauses.pause_left(conn, client_id=CLIENT, now=now) == 0
    # The next pause replaces the old one.
    reddit_pauses.pause_all(conn, client_id=CLIENT, seconds=None, now=now)
    assert reddit_pauses.pause_left(conn, client_id=CLIENT, now=now) <= 10


@pytest.mark.parametrize("setback", SETBACKS)
def test_an_outage_is_probed_at_once_after_a_setback(conn: Connection, setback: timedelta) -> None:
    reserve(conn, T0)
    for _ in range(10):
        reply_failures.record_failed(conn, client_id=CLIENT, now=T0)
    now = T0 - setback
    mend(conn, now)
    slot = reserve(conn, now)
    assert (slot.taken, slot.probe) == (True, True)


@pytest.mark.parametrize("setback", SETBACKS)
@pytest.mark.parametrize("how", ["turn", "postponed"])
def test_a_token_can_be_asked_for_after_a_setback(
    conn: Connection, setback: timedelta, how: str
) -> None:
    turn = {"client_id": CLIENT, "refused": None, "early_seconds": 60, "turn_seconds": 75}
    assert token_turns.take_turn(conn, **turn, now=T0)
    if how == "postponed":
        token_turns.postpone(conn, client_id=CLIENT, throttled=False, first=30, longest=600, now=T0)
    now = T0 - setback
    assert mend(conn, now) == {"reddit_tokens": 1}
    assert reddit_tokens.read_token(conn, client_id=CLIENT, now=now).ask_again_in == 0
    assert token_turns.take_turn(conn, **turn, now=now)


def test_a_client_that_was_never_throttled_is_not_throttled_by_the_setback(
    conn: Connection,
) -> None:
    reserve(conn, T0 + 400 * DAY)
    assert mend(conn, T0)["reddit_budgets"] == 1
    assert conn.execute(text("SELECT last_throttled_at FROM reddit_budgets")).scalar() is None
