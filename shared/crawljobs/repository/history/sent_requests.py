"""Add the numbers of a worker's requests to the row of the present minute."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, bindparam
from sqlalchemy.dialects.postgresql import insert

from crawljobs.db.tables import budget_history
from crawljobs.repository.history.minute_clock import MINUTE, start_of
from crawljobs.repository.sql import NOW, inline_number

COUNTED = (
    "requests_user",
    "requests_schedule",
    "requests_discovery",
    "requests_stale",
    "requests_upkeep",
    "throttled",
    "failures",
)

_insert = insert(budget_history).values(
    client_id=bindparam("client_id"),
    step_minutes=inline_number(1),
    at=start_of(MINUTE, NOW),
    **{name: bindparam(name) for name in COUNTED},
)
# Several workers add to one row. The row lock lasts for one statement.
ADD = _insert.on_conflict_do_update(
    index_elements=["client_id", "step_minutes", "at"],
    set_={name: budget_history.c[name] + _insert.excluded[name] for name in COUNTED},
)


def add(
    conn: Connection, *, client_id: str, counts: Mapping[str, int], now: datetime | None = None
) -> None:
    """Add these counts. The keys are names in COUNTED; a missing name counts as 0.

    The database's clock decides which minute this is, because the clocks of workers can differ.
    """
    values = {name: counts.get(name, 0) for name in COUNTED}
    conn.execute(ADD, {"client_id": client_id, "now": now, **values})
