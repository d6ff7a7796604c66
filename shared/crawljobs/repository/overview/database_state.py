"""Read the state of the database server: version, connections, and vacuum of the large tables.

All numbers come from statistics of the server. No statement locks a table or reads its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    Text,
    cast,
    column,
    func,
    select,
    table,
)

from crawljobs.repository.sql import inline, inline_number, texts

PROGRAMS_MAX = 20  # limit of the programs in the result

_activity = table(
    "pg_stat_activity",
    column("datid", BigInteger),
    column("application_name", Text),
    column("datname", Text),
).c


def _setting(name: str) -> ColumnElement[str]:
    return func.current_setting(inline(name))


SERVER = select(
    _setting("server_version").label("version"),
    (_setting("transaction_read_only") == inline("on")).label("is_read_only"),
    (_setting("autovacuum") == inline("off")).label("is_autovacuum_off"),
    (
        cast(_setting("max_connections"), Integer)
        - cast(_setting("superuser_reserved_connections"), Integer)
    ).label("connections_max"),
    select(func.count())
    .where(_activity.datid.is_not(None))
    .scalar_subquery()
    .label("connections_used"),
    func.pg_database_size(func.current_database()).label("database_bytes"),
)
PROGRAMS = (
    select(_activity.application_name.label("program"), func.count().label("connections"))
    .where(_activity.datname == func.current_database())
    .group_by(_activity.application_name)
    .order_by(func.count().desc(), _activity.application_name)
    .limit(inline_number(PROGRAMS_MAX))
)
_statistics = table(
    "pg_stat_user_tables",
    column("relid"),
    column("relname", Text),
    column("n_live_tup", BigInteger),
    column("n_dead_tup", BigInteger),
    column("last_vacuum"),
    column("last_autovacuum"),
    column("last_analyze"),
    column("last_autoanalyze"),
).c
TABLES = (
    select(
        _statistics.relname.label("name"),
        _statistics.n_live_tup.label("live_rows"),
        _statistics.n_dead_tup.label("dead_rows"),
        func.greatest(_statistics.last_vacuum, _statistics.last_autovacuum).label("vacuumed_at"),
        func.greatest(_statistics.last_analyze, _statistics.last_autoanalyze).label("analyzed_at"),
    )
    .where(_statistics.relname == func.any(texts("names")))
    .where(_statistics.relid == func.to_regclass(func.quote_ident(_statistics.relname)))
    .order_by(_statistics.relname)
)


@dataclass(frozen=True)
class ServerState:
    """The database server. `connections_max` does not count connections reserved for superusers."""

    version: str
    is_read_only: bool
    is_autovacuum_off: bool
    connections_max: int
    connections_used: int
    database_bytes: int


@dataclass(frozen=True)
class ProgramConnections:
    """The number of connections of a program, by its application_name."""

    program: str
    connections: int


@dataclass(frozen=True)
class TableState:
    """A table with the estimated numbers of its rows.

    `vacuumed_at` or `analyzed_at` is None if the table was never vacuumed or analyzed.
    """

    name: str
    live_rows: int
    dead_rows: int
    vacuumed_at: datetime | None
    analyzed_at: datetime | None


def server_state(conn: Connection) -> ServerState:
    """Return the state of the server."""
    return ServerState(**conn.execute(SERVER).one()._mapping)


def programs(conn: Connection) -> Sequence[ProgramConnections]:
    """Return the programs with the most connections to this database."""
    return [ProgramConnections(**row._mapping) for row in conn.execute(PROGRAMS)]


def table_states(conn: Connection, names: Sequence[str]) -> Sequence[TableState]:
    """Return the state of these tables, in the order of the names."""
    rows = conn.execute(TABLES, {"names": list(names)})
    found = {row.name: TableState(**row._mapping) for row in rows}
    return [found[name] for name in names if name in found]
