"""The metadata of all tables, the naming of constraints, and columns that many tables have."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Identity, MetaData, text
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.types import UserDefinedType

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)

Timestamp = DateTime(timezone=True)
NOW = text("clock_timestamp()")


class TransactionId(UserDefinedType[str]):
    """The column type xid8 of Postgres, a 64-bit transaction id. SQLAlchemy lacks this type."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "XID8"


# SQLAlchemy needs this entry to read columns of the type xid8 from a database.
ischema_names["xid8"] = TransactionId


def id_column() -> Column[int]:
    """Return a generated bigint primary key `id`."""
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


def one_of(column: str, *values: str, nullable: bool = False, name: str) -> CheckConstraint:
    """Return a CHECK that allows only these values. With `nullable`, it also allows null."""
    listed = ", ".join(f"'{value}'" for value in values)
    known = f"{column} IN ({listed})"
    return CheckConstraint(f"{column} IS NULL OR {known}" if nullable else known, name=name)
