"""Store the heartbeats of processes. They are only displayed: no other code depends on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, Connection, and_, bindparam, case, delete, select
from sqlalchemy.dialects.postgresql import insert

from crawljobs.db import tables
from crawljobs.repository.sql import NOW, interval

_instances = tables.service_instances
_instance = _instances.c

_new = insert(_instances).excluded

_STARTS = bindparam("starts", type_=Boolean)
# A process may send its first heartbeat twice, because the reply to the first try was lost. Then
# the row has the same `run_id`, and the second heartbeat does not count as a restart.
_IS_RESTART = and_(_STARTS, _instance.run_id.is_distinct_from(_new.run_id))

_SEEN = (
    insert(_instances)
    .values(
        name=bindparam("name"),
        role=bindparam("role"),
        version=bindparam("version"),
        started_at=NOW,
        seen_at=NOW,
        details=bindparam("details"),
        run_id=bindparam("run_id"),
    )
    .on_conflict_do_update(
        index_elements=[_instance.name],
        set_={
            "role": _new.role,
            "version": _new.version,
            "details": _new.details,
            "started_at": case((_STARTS, _new.started_at), else_=_instance.started_at),
            "seen_at": _new.seen_at,
            "run_id": case((_STARTS, _new.run_id), else_=_instance.run_id),
            "lost_at": case((_IS_RESTART, _new.seen_at), else_=_instance.lost_at),
        },
    )
)

_GONE = delete(_instances).where(_instance.name == bindparam("name"))

_LIST = (
    select(
        _instance.name,
        _instance.role,
        _instance.version,
        _instance.started_at,
        _instance.seen_at,
        _instance.details,
        (_instance.seen_at > NOW - interval("alive_within")).label("alive"),
    )
    .order_by(_instance.name)
    .limit(bindparam("limit"))
)
_OF_ROLE = _instance.role == bindparam("role")
_AFTER = _instance.name > bindparam("after")


@dataclass(frozen=True)
class Instance:
    """A process of a service. `alive`: whether its last heartbeat is at most `alive_within` old.

    `alive_within` is the argument of list_instances.
    """

    name: str
    role: str
    version: str
    started_at: datetime
    seen_at: datetime
    details: dict[str, Any]
    alive: bool


def seen(
    conn: Connection,
    *,
    name: str,
    role: str,
    version: str,
    details: Mapping[str, Any],
    run_id: UUID | None = None,
    starts: bool = False,
    now: datetime | None = None,
) -> None:
    """Store a heartbeat of this process.

    - `run_id`: the same for all heartbeats of a run, and different after a restart.
    - `starts`: true for the first heartbeat of a run. If the row of an earlier run exists, that run
      was killed, because `gone` deletes the row at a normal end. Then the present time is stored as
      `lost_at`.
    """
    conn.execute(
        _SEEN,
        {
            "name": name,
            "role": role,
            "version": version,
            "details": dict(details),
            "run_id": run_id,
            "starts": starts,
            "now": now,
        },
    )


def gone(conn: Connection, *, name: str) -> None:
    """Delete the row of a process that ends normally."""
    conn.execute(_GONE, {"name": name})


def list_instances(
    conn: Connection,
    *,
    role: str | None = None,
    after: str | None = None,
    alive_within: timedelta = timedelta(seconds=60),
    limit: int = 100,
    now: datetime | None = None,
) -> list[Instance]:
    """Return at most `limit` processes of this role with names above `after`, sorted by name.

    If `role` or `after` is None, this argument leaves out no process. A process is alive if its
    last heartbeat is at most `alive_within` old.
    """
    statement = _LIST
    if role is not None:
        statement = statement.where(_OF_ROLE)
    if after is not None:
        statement = statement.where(_AFTER)
    values = {
        "role": role,
        "after": after,
        "alive_within": alive_within,
        "limit": limit,
        "now": now,
    }
    return [Instance(**row._mapping) for row in conn.execute(statement, values)]
