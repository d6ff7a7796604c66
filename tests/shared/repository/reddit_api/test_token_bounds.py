"""Exact times and values of the turns to request a token, and of the stored token."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from crawljobs.db.database import Connection
from crawljobs.repository.reddit_api import reddit_tokens, token_turns
from crawljobs.repository.reddit_api.reddit_tokens import StoredToken
from support.jobs import T0

SECOND = timedelta(seconds=1)
CLIENT = "client"


def take(conn: Connection, after: float = 0, *, client: str = CLIENT) -> bool:
    return token_turns.take_turn(
        conn,
        client_id=client,
        refused=None,
        early_seconds=60,
        turn_seconds=75,
        now=T0 + after * SECOND,
    )


def read(conn: Connection, after: float = 0) -> StoredToken:
    return reddit_tokens.read_token(conn, client_id=CLIENT, now=T0 + after * SECOND)


def postpone(conn: Connection, *, throttled: bool) -> float:
    return token_turns.postpone(
        conn, client_id=CLIENT, throttled=throttled, first=30, longest=100, now=T0
    )


def test_without_a_token_every_time_is_0(conn: Connection) -> None:
    nothing = StoredToken(None, 0.0, 0.0, throttled=False)
    assert read(conn) == nothing
    assert take(conn)
    assert read(conn) == nothing


def test_a_token_is_stored_until_it_is_refused(conn: Connection) -> None:
    assert take(conn)
    reddit_tokens.keep(conn, client_id=CLIENT, token="t1", lives=3600, now=T0)
    assert read(conn, 600) == StoredToken("t1", 3000.0, 0.0, throttled=False)
    reddit_tokens.forget(conn, client_id="other", token="t1")
    reddit_tokens.forget(conn, client_id=CLIENT, token="t0")
    assert read(conn).token == "t1"
    reddit_tokens.forget(conn, client_id=CLIENT, token="t1")
    assert read(conn).token is None


@pytest.mark.parametrize(("after", "taken"), [(74.9, False), (75, True)])
def test_a_turn_ends_at_its_end(conn: Connection, after: float, taken: bool) -> None:
    assert take(conn)
    assert take(conn, client="other")
    assert take(conn, after) is taken


@pytest.mark.parametrize(("after", "taken"), [(3539.9, False), (3540, True)])
def test_a_token_is_replaced_from_a_minute_before_its_end(
    conn: Connection, after: float, taken: bool
) -> None:
    take(conn)
    reddit_tokens.keep(conn, client_id=CLIENT, token="t1", lives=3600, now=T0)
    assert take(conn, after) is taken


@pytest.mark.parametrize(("after", "taken"), [(29.9, False), (30, True)])
def test_a_turn_is_free_again_when_the_wait_ends(
    conn: Connection, after: float, taken: bool
) -> None:
    take(conn)
    assert postpone(conn, throttled=False) == 30.0
    assert read(conn, 10) == StoredToken(None, 0.0, 20.0, throttled=False)
    assert read(conn, 40) == StoredToken(None, 0.0, 0.0, throttled=False)
    assert take(conn, after) is taken


def test_waits_double_after_each_429_and_trouble_ends_the_series(conn: Connection) -> None:
    take(conn)
    take(conn, client="other")
    waits = [postpone(conn, throttled=each) for each in (True, True, True, False, True)]
    assert waits == [30.0, 60.0, 100.0, 30.0, 30.0]
    assert read(conn).throttled
    other = text("SELECT ask_again_at FROM reddit_tokens WHERE client_id = 'other'")
    assert conn.execute(other).scalar_one() is None
    reddit_tokens.keep(conn, client_id=CLIENT, token="t1", lives=3600, now=T0)
    assert not read(conn).throttled
