"""What is done once a transaction has committed, and not when it was rolled back: counting."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

Act = Callable[[], object]
_KEY = "crawljobs.then"


def register(conn: Connection, act: Act) -> None:
    """Do `act` after the commit of the Database's transaction; it must be quick and not fail.

    A savepoint that is rolled back does not take it back.
    """
    conn.info.setdefault(_KEY, []).append(act)


def pop_callbacks(conn: Connection) -> list[Act]:
    """What is to be done, once; at the start of a transaction: what another left that failed."""
    acts: list[Act] = conn.info.pop(_KEY, [])
    return acts
