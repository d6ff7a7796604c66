"""Dry runs: make a change inside a savepoint, build the response, and roll the change back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from admin_api.http import scopes, state
from crawljobs.db import after_commit
from crawljobs.db.database import Connection
from crawljobs.domain.api_token import Scope

Answer = TypeVar("Answer")


def run(change: Callable[[Connection], Answer], *, dry_run: bool) -> Answer:
    """Run the change in a transaction, and return its answer. A dry run undoes the change.

    For a dry run, raises a Problem if the token lacks the scope `read`, because the answer shows
    data.
    """
    if not dry_run:
        return state.current().database.run(change)
    scopes.require_also(Scope.READ, "for a dry run")

    def rolled_back(conn: Connection) -> Answer:
        # A request with an Idempotency-Key stores its answer in the same transaction, which must
        # commit. So only a savepoint is rolled back.
        earlier = after_commit.pop_callbacks(conn)
        with conn.begin_nested() as savepoint:
            answer = change(conn)
            savepoint.rollback()
        after_commit.pop_callbacks(conn)  # drop the callbacks of the change, which is undone
        for callback in earlier:
            after_commit.register(conn, callback)
        return answer

    return state.current().database.run(rolled_back)
