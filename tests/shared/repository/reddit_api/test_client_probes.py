"""The turns to probe whether Reddit accepts a client id."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.domain.request_budget import Pause, PausedReason, ProbeTurn
from crawljobs.repository.reddit_api import client_probes, reddit_outages
from support.jobs import T0

SECOND = timedelta(seconds=1)
CLIENT = "client"
MINE, NOT_MINE = ProbeTurn(is_mine=True), ProbeTurn()


@pytest.fixture(autouse=True)
def budgets(conn: Connection) -> None:
    """Another client id, whose turn is taken, must not matter."""
    conn.execute(
        text("INSERT INTO reddit_budgets (client_id, probing_until, probe_began_at) "
             "VALUES ('client', NULL, NULL), ('other', :until, :began)"),
        {"until": T0 + 60 * SECOND, "began": T0},
    )  # fmt: skip


def stored(conn: Connection, column: str, client: str = CLIENT) -> datetime | None:
    query = text(f"SELECT {column} FROM reddit_budgets WHERE client_id = :client")
    found: datetime | None = conn.execute(query, {"client": client}).scalar_one()
    return found


def take(conn: Connection, after: float = 0, *, since: float = 0) -> ProbeTurn:
    now = T0 + after * SECOND
    return client_probes.take_probe(conn, client_id=CLIENT, since=since, now=now)


def test_one_worker_has_the_turn_for_ninety_seconds(conn: Connection) -> None:
    assert take(conn) == MINE
    assert (stored(conn, "probing_until"), stored(conn, "probe_began_at")) == (
        T0 + 90 * SECOND,
        T0,
    )
    assert [take(conn, after) for after in (0, 5, 89.9)] == [NOT_MINE] * 3
    assert take(conn, 90) == MINE
    assert stored(conn, "probing_until", "other") == T0 + 60 * SECOND


def test_a_turn_that_was_given_back_is_free_one_second_after_its_start(conn: Connection) -> None:
    assert take(conn) == MINE
    client_probes.give_back_probe(conn, client_id=CLIENT)
    assert stored(conn, "probing_until", "other") == T0 + 60 * SECOND
    assert [take(conn, after) for after in (0, 0.9)] == [NOT_MINE] * 2
    assert take(conn, 1) == MINE


@pytest.mark.parametrize(
    ("until", "began", "turn"),
    [
        (90, 0, NOT_MINE),
        (90.1, -5, MINE),  # later than a turn of the present can end
        (0, 0.1, MINE),
        (0, 0, NOT_MINE),
    ],
)
def test_a_turn_from_before_the_clock_was_set_back_is_free(
    conn: Connection, until: float, began: float, turn: ProbeTurn
) -> None:
    conn.execute(
        text("UPDATE reddit_budgets SET probing_until = :until, probe_began_at = :began"),
        {"until": T0 + until * SECOND, "began": T0 + began * SECOND},
    )
    assert take(conn) == turn


@pytest.mark.parametrize(
    ("good", "turn"),
    [
        (-10.1, MINE),
        (-10, ProbeTurn(is_good=True)),  # as old as the unclear reply
        (0, ProbeTurn(is_good=True)),
        (0.1, MINE),  # in the future
    ],
)
def test_a_good_probe_counts_if_it_began_after_the_unclear_reply(
    conn: Connection, good: float, turn: ProbeTurn
) -> None:
    conn.execute(
        text("UPDATE reddit_budgets SET probe_good_at = :at WHERE client_id = 'client'"),
        {"at": T0 + good * SECOND},
    )
    assert take(conn, since=10) == turn


def test_a_good_probe_is_as_old_as_its_start(conn: Connection) -> None:
    assert take(conn) == MINE
    reddit_outages.record_accepted(conn, client_id=CLIENT, now=T0 + 5 * SECOND)
    assert take(conn, 5, since=5) == ProbeTurn(is_good=True)
    assert take(conn, 5, since=4) == MINE  # the probe may have been sent before the reply


def test_an_open_breaker_gives_its_pause_in_place_of_a_turn(conn: Connection) -> None:
    reason = PausedReason.CLIENT_REFUSED
    reddit_outages.pause(
        conn, client_id=CLIENT, reason=reason, detail="403", is_probe=False, now=T0
    )
    assert take(conn, 10) == ProbeTurn(pause=Pause(reason, "403", 20.0))
    assert take(conn, 29.5) == ProbeTurn(pause=Pause(reason, "403", 1.0))
    assert take(conn, 99) == ProbeTurn(pause=Pause(reason, "403", 1.0))


def test_a_client_id_without_a_budget_has_no_turn(conn: Connection) -> None:
    assert client_probes.take_probe(conn, client_id="new", since=0, now=T0) == NOT_MINE
