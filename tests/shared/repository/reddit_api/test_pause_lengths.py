"""How long all workers pause, for each reason and after each earlier pause."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.request_budget import Pause, PausedReason
from crawljobs.repository.reddit_api import reddit_outages, reddit_pauses, slot_reservation
from support.jobs import T0

SECOND = timedelta(seconds=1)
CLIENT = "client"
OUTAGE, REFUSED = PausedReason.OUTAGE, PausedReason.CLIENT_REFUSED


def pause(
    conn: Connection,
    after: float = 0,
    *,
    reason: PausedReason = OUTAGE,
    detail: str = "x",
    is_probe: bool = False,
) -> Pause:
    now = T0 + after * SECOND
    return reddit_outages.pause(
        conn, client_id=CLIENT, reason=reason, detail=detail, is_probe=is_probe, now=now
    )


def test_a_pause_that_holds_stays_as_it_is_for_the_same_reason(conn: Connection) -> None:
    assert pause(conn, detail="first") == Pause(OUTAGE, "first", 30.0, is_new=True)
    assert pause(conn, 10, detail="second") == Pause(OUTAGE, "first", 20.0)
    assert pause(conn, 29.5) == Pause(OUTAGE, "first", 0.5)
    # Its time is over, so the next failure begins a longer pause.
    assert pause(conn, 30, detail="third") == Pause(OUTAGE, "third", 60.0)


def test_a_failed_probe_doubles_the_pause_for_the_same_reason_alone(conn: Connection) -> None:
    assert pause(conn, is_probe=True) == Pause(OUTAGE, "x", 30.0, is_new=True)
    assert pause(conn, is_probe=True) == Pause(OUTAGE, "x", 60.0)
    assert pause(conn, is_probe=True) == Pause(OUTAGE, "x", 120.0)
    # A request that is no probe finds another reason: the shortest pause.
    assert pause(conn, reason=REFUSED) == Pause(REFUSED, "x", 30.0, is_new=True)
    assert pause(conn, reason=REFUSED, is_probe=True) == Pause(REFUSED, "x", 60.0)
    # A probe finds another reason: one doubling, because Reddit has not accepted a request.
    assert pause(conn, is_probe=True) == Pause(OUTAGE, "x", 60.0, is_new=True)
    assert pause(conn, is_probe=True) == Pause(OUTAGE, "x", 120.0)


def test_a_pause_after_a_good_probe_is_the_shortest_again(conn: Connection) -> None:
    for _ in range(3):
        pause(conn, is_probe=True)
    assert reddit_outages.record_accepted(conn, client_id=CLIENT, now=T0) is OUTAGE
    assert reddit_outages.record_accepted(conn, client_id=CLIENT, now=T0) is None
    assert reddit_outages.record_accepted(conn, client_id="new", now=T0) is None
    assert pause(conn, is_probe=True) == Pause(OUTAGE, "x", 30.0, is_new=True)
    assert reddit_outages.record_probe(conn, client_id=CLIENT, good=False, now=T0) == 60.0
    assert reddit_outages.record_probe(conn, client_id=CLIENT, good=True, now=T0) == 0.0


def test_a_detail_is_one_line_of_at_most_500_characters(conn: Connection) -> None:
    assert pause(conn, detail="a\nb").detail == "a b"
    assert len(pause(conn, detail="x" * 999, is_probe=True).detail) == 500


def test_a_new_pause_ends_the_turn_of_a_probe(conn: Connection) -> None:
    slot_reservation.reserve_slot(conn, client_id=CLIENT, longest_wait=1, now=T0)
    conn.execute(text("UPDATE reddit_budgets SET probing_until = :at"), {"at": T0 + 60 * SECOND})
    pause(conn)
    assert conn.execute(text("SELECT probing_until FROM reddit_budgets")).scalar_one() is None


def throttled(conn: Connection, after: float, seconds: float | None = None) -> float:
    now = T0 + after * SECOND
    reddit_pauses.pause_all(conn, client_id=CLIENT, seconds=seconds, now=now)
    return reddit_pauses.pause_left(conn, client_id=CLIENT, now=now)


def series(conn: Connection) -> int:
    return int(conn.execute(text("SELECT throttles_in_a_row FROM reddit_budgets")).scalar_one())


@pytest.mark.parametrize(
    ("after", "left", "throttles"),
    [
        (4.9, 0.1, 1),  # during the pause
        (5, 10, 2),  # at its end
        (604.9, 10, 2),
        (605, 5, 1),  # a window after its end
    ],
)
def test_a_second_429_counts_from_the_end_of_the_pause_for_one_window(
    conn: Connection, after: float, left: float, throttles: int
) -> None:
    slot_reservation.reserve_slot(conn, client_id=CLIENT, longest_wait=1, now=T0)
    assert throttled(conn, 0) == 5
    assert throttled(conn, after) == pytest.approx(left)
    assert series(conn) == throttles


@pytest.mark.parametrize(("good_ago", "left"), [(5, 10), (4.9, 5)])
def test_a_good_reply_must_be_to_a_request_after_the_pause(
    conn: Connection, good_ago: float, left: float
) -> None:
    slot_reservation.reserve_slot(conn, client_id=CLIENT, longest_wait=1, now=T0)
    throttled(conn, 0)
    now = T0 + 10 * SECOND
    reddit_pauses.pause_all(conn, client_id=CLIENT, seconds=None, good_ago=good_ago, now=now)
    assert reddit_pauses.pause_left(conn, client_id=CLIENT, now=now) == left


def test_a_429_during_a_longer_stated_pause_changes_nothing(conn: Connection) -> None:
    slot_reservation.reserve_slot(conn, client_id=CLIENT, longest_wait=1, now=T0)
    assert throttled(conn, 0, 60) == 60
    assert throttled(conn, 59.9) == pytest.approx(0.1)
    assert throttled(conn, 59.9, 2) == 2
    assert series(conn) == 1


def test_without_a_pause_nothing_is_left_of_it(conn: Connection) -> None:
    slot_reservation.reserve_slot(conn, client_id=CLIENT, longest_wait=1, now=T0)
    assert reddit_pauses.pause_left(conn, client_id=CLIENT, now=T0) == 0.0
    throttled(conn, 0)
    assert reddit_pauses.pause_left(conn, client_id=CLIENT, now=T0 + 6 * SECOND) == 0.0
    assert reddit_pauses.pause_left(conn, client_id="new", now=T0) == 0.0
    pause(conn)  # of the breaker, and longer
    assert reddit_pauses.pause_left(conn, client_id=CLIENT, now=T0) == 30.0
