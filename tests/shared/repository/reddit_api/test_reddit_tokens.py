"""All workers with the same client id share one access token."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from crawljobs.db.database import Connection, Database
from crawljobs.repository.reddit_api import reddit_tokens, token_turns

T0 = datetime(2031, 5, 4, 12, 0, tzinfo=UTC)
CLIENT = "client"
TOKEN = "t1"


def take_turn(conn: Connection, refused: str | None = None, now: datetime = T0) -> bool:
    return token_turns.take_turn(
        conn, client_id=CLIENT, refused=refused, early_seconds=60, turn_seconds=75, now=now
    )


def keep(conn: Connection, *, lives: float = 3600, now: datetime = T0) -> None:
    reddit_tokens.keep(conn, client_id=CLIENT, token=TOKEN, lives=lives, now=now)


def postpone(conn: Connection, now: datetime, *, throttled: bool = True) -> float:
    return token_turns.postpone(
        conn, client_id=CLIENT, throttled=throttled, first=5, longest=600, now=now
    )


def test_before_anybody_asked_there_is_no_token(conn: Connection) -> None:
    stored = reddit_tokens.read_token(conn, client_id=CLIENT, now=T0)
    assert (stored.token, stored.ask_again_in) == (None, 0.0)


def test_one_asks_and_the_others_find_what_it_got(conn: Connection) -> None:
    assert take_turn(conn)
    assert not take_turn(conn)
    keep(conn)
    stored = reddit_tokens.read_token(conn, client_id=CLIENT, now=T0 + timedelta(minutes=1))
    assert (stored.token, stored.lives) == (TOKEN, pytest.approx(3540))
    assert not take_turn(conn)


def test_the_turn_of_a_dead_worker_ends_by_itself(conn: Connection) -> None:
    assert take_turn(conn)
    assert not take_turn(conn, now=T0 + timedelta(seconds=70))
    assert take_turn(conn, now=T0 + timedelta(seconds=76))


def test_a_token_is_replaced_when_it_is_refused_or_soon_expires(conn: Connection) -> None:
    take_turn(conn)
    keep(conn)
    assert not take_turn(conn, refused="an older one")
    assert take_turn(conn, refused=TOKEN)
    assert take_turn(conn, now=T0 + timedelta(seconds=3541))


def test_a_pause_of_the_endpoint_doubles_with_each_429_and_is_over_with_a_token(
    conn: Connection,
) -> None:
    now, pauses = T0, []
    for _ in range(9):
        assert take_turn(conn, now=now)
        pauses.append(round(postpone(conn, now)))
        assert not take_turn(conn, now=now)
        assert reddit_tokens.read_token(conn, client_id=CLIENT, now=now).throttled
        now += timedelta(seconds=pauses[-1] + 1)
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 600, 600]
    keep(conn, now=now)
    assert reddit_tokens.read_token(conn, client_id=CLIENT, now=now).ask_again_in == 0
    assert round(postpone(conn, now)) == 5


def test_trouble_of_the_endpoint_is_told_from_its_limit(conn: Connection) -> None:
    take_turn(conn)
    postpone(conn, T0, throttled=False)
    stored = reddit_tokens.read_token(conn, client_id=CLIENT, now=T0)
    assert (stored.throttled, stored.ask_again_in) == (False, pytest.approx(5))


def test_workers_that_start_at_once_take_one_turn(database: Database) -> None:
    turns: list[bool] = []
    threads = [
        threading.Thread(target=lambda: turns.append(database.run(take_turn))) for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(turns) == [False] * 4 + [True]


def test_a_token_is_not_shown_where_it_might_be_logged(conn: Connection) -> None:
    take_turn(conn)
    keep(conn)
    assert TOKEN not in repr(reddit_tokens.read_token(conn, client_id=CLIENT, now=T0))
