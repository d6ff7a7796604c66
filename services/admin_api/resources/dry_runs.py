"""Dry runs: make a change in a transaction, answer as after the change, and roll it back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TypeVar

from admin_api.http import scopes, state
from crawljobs.db.database import Connection
from crawljobs.domain.api_token import Scope

Answer = TypeVar("Answer")


class _RolledBack(Exception):
    """Ends the transaction of a dry run without a commit."""


def run(change: Callable[[Connection], Answer], *, dry_run: bool) -> Answer:
    """Run the change in a transaction, and return its answer. A dry run commits nothing.

    Raises a Problem for a dry run if the token may not read, because the answer shows data.
    """
    if not dry_run:
        return state.current().database.run(change)
    scopes.require_also(Scope.READ, "for a dry run")
    answers: list[Answer] = []

    def rolled_back(conn: Connection) -> None:
        answers.append(change(conn))
        raise _RolledBack

    with contextlib.suppress(_RolledBack):
        state.current().database.run(rolled_back)
    return answers[-1]
