"""Stored tokens: when one is live, when its use is written again, and how many a list has."""

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest

from crawljobs.db.database import Connection, Database
from crawljobs.domain.api_token import Scope, Token
from crawljobs.repository.operations import api_tokens, token_authentication
from support import locks
from support.jobs import T0

SECOND = timedelta(seconds=1)


def create(conn: Connection, number: int = 1, *, name: str = "robot", **values: Any) -> Token:
    given: dict[str, Any] = {"created_by": "ops", "expires_at": None, "now": T0, **values}
    return api_tokens.create(
        conn,
        token_id=f"{number:012}",
        token_hash=b"\0" * 32,
        name=name,
        scopes=[Scope.READ],
        **given,
    )


def live(conn: Connection, name: str = "robot", at_most: int = 9, now: datetime = T0) -> list[str]:
    return api_tokens.live_of_name(conn, name=name, at_most=at_most, now=now)


@pytest.mark.parametrize(
    ("expires", "is_live"), [(None, True), (-1, False), (0, False), (0.001, True)]
)
def test_a_token_is_live_until_the_moment_it_expires(
    conn: Connection, expires: float | None, is_live: bool
) -> None:
    expires_at = None if expires is None else T0 + expires * SECOND
    token = create(conn, expires_at=expires_at)
    assert token.live is is_live
    assert live(conn) == [token.id] * is_live
    found = api_tokens.lock(conn, token_id=token.id, now=T0)
    assert found is not None
    assert found.live is is_live


def test_a_moment_is_past_as_soon_as_it_is_reached(conn: Connection) -> None:
    past = [api_tokens.is_past(conn, at=T0 + after * SECOND, now=T0) for after in (-1, 0, 0.001)]
    assert past == [True, True, False]


def test_a_token_is_revoked_once_and_no_other_with_it(conn: Connection) -> None:
    first, second = create(conn, 1), create(conn, 2)
    assert live(conn) == [first.id, second.id]
    assert live(conn, at_most=1) == [first.id]
    revoked = api_tokens.revoke(conn, token_id=first.id, revoked_by="ops", now=T0)
    assert revoked is not None
    assert (revoked.revoked_at, revoked.revoked_by, revoked.live) == (T0, "ops", False)
    assert api_tokens.revoke(conn, token_id=first.id, revoked_by="other", now=T0) is None
    assert live(conn) == [second.id]
    assert api_tokens.lock(conn, token_id="0" * 12, now=T0) is None


@pytest.mark.parametrize("name", ["Robot  one", " robot ONE "])
def test_names_that_look_the_same_are_one_name(conn: Connection, name: str) -> None:
    token = create(conn, name="robot one")
    assert live(conn, name) == [token.id]
    assert live(conn, "robotone") == []


def test_two_transactions_do_not_count_the_tokens_of_a_name_at_once(database: Database) -> None:
    """Otherwise both could create the last token that the name may have."""
    found: list[list[str]] = []

    def count() -> None:
        with database.begin() as conn:
            found.append(live(conn))

    other = threading.Thread(target=count)
    with database.begin() as conn:
        assert live(conn) == []
        other.start()
        locks.wait_until_blocked(database)
        token = create(conn)
        assert live(conn, "another name") == []
    other.join(10)
    assert found == [[token.id]]


def test_tokens_are_listed_by_name_and_id_a_hundred_at_a_time(conn: Connection) -> None:
    for number in range(101):
        create(conn, number, name="b" if number < 50 else "a")
    listed = [token.id for token in api_tokens.list_tokens(conn)]
    expected = [f"{number:012}" for number in (*range(50, 101), *range(50))]
    assert listed == expected[:100]
    after = ("b", expected[98])
    assert [token.id for token in api_tokens.list_tokens(conn, after=after)] == expected[99:]
    assert [token.id for token in api_tokens.list_tokens(conn, limit=2)] == expected[:2]


@pytest.mark.parametrize(
    ("after", "is_stale"), [(-0.001, True), (0, False), (60, False), (60.001, True)]
)
def test_the_last_use_is_written_again_after_a_minute(
    conn: Connection, after: float, is_stale: bool
) -> None:
    token, other = create(conn, 1), create(conn, 2)
    found = token_authentication.find(conn, token_id=token.id, now=T0)
    assert found is not None
    assert (found.token.id, found.token_hash, found.is_stale) == (token.id, b"\0" * 32, True)
    token_authentication.mark_used(conn, token_id=token.id, now=T0)
    now = T0 + after * SECOND
    found = token_authentication.find(conn, token_id=token.id, now=now)
    assert found is not None
    assert found.is_stale is is_stale
    token_authentication.mark_used(conn, token_id=token.id, now=now)
    used = {one.id: one.last_used_at for one in api_tokens.list_tokens(conn, now=now)}
    assert used == {token.id: now if is_stale else T0, other.id: None}
    assert token_authentication.find(conn, token_id="0" * 12, now=now) is None
