"""What a database error means: a conflict to retry, trouble that passes, or our bug."""

from __future__ import annotations

import psycopg
from sqlalchemy.exc import DBAPIError

from crawljobs import errors
from crawljobs.db import driver_errors
from crawljobs.runtime import metrics

# Deadlock, serialization failure, lock not available: the transaction may simply run again.
CONFLICTS = frozenset({"40P01", "40001", "55P03"})
# Connection trouble, shutdown or crash of the server, out of resources, read-only after failover.
# 25P03, 25P04 and 57P05 end a session whose process was frozen for a while.
PASSING_STATES = (
    frozenset({"57P01", "57P02", "57P03", "57P05", "57014", "25006", "25P03", "25P04"}) | CONFLICTS
)
PASSING_CLASSES = ("08", "53")

# A statement that the driver or the server refused, for callers that do not import SQLAlchemy.
StatementError = DBAPIError


def sqlstate(error: BaseException) -> str | None:
    """The SQLSTATE; None when the failure happened while connecting."""
    original = error.orig if isinstance(error, DBAPIError) else error
    return original.sqlstate if isinstance(original, psycopg.Error) else None


def constraint(error: BaseException) -> str | None:
    """The name of the constraint that was violated."""
    original = error.orig if isinstance(error, DBAPIError) else error
    return original.diag.constraint_name if isinstance(original, psycopg.Error) else None


def is_conflict(error: BaseException) -> bool:
    return sqlstate(error) in CONFLICTS


def may_pass(error: BaseException) -> bool:
    """Whether the same call may succeed later without anybody changing it."""
    state = sqlstate(error)
    if state is not None:
        return state in PASSING_STATES or state.startswith(PASSING_CLASSES)
    original = error.orig if isinstance(error, DBAPIError) else error
    # A refused or broken connection has no SQLSTATE.
    return isinstance(original, psycopg.OperationalError | psycopg.InterfaceError)


# Classes of what one row can cause: its values, a constraint, an exception of a trigger, a limit
# of sizes, corrupt storage. A missing right or column is ours.
_CLASSES_OF_ROWS = ("21", "22", "23", "54", "P0", "XX")


def is_of_one_row(error: Exception) -> bool:
    """Whether other rows may be changed although this error came."""
    if isinstance(error, errors.DatabaseUnavailable):
        return False
    original = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(original, psycopg.Error):
        # What a rule raises on a value that it cannot read; any other error is a mistake in code.
        return isinstance(original, (errors.CrawljobsError, ValueError, ArithmeticError))
    state = original.sqlstate
    if state is None:  # the driver refused a value
        return isinstance(original, psycopg.DataError)
    return state.startswith(_CLASSES_OF_ROWS)


# How libpq tells it in English, the only sign there is: a failed connection has no SQLSTATE.
_REFUSALS = (
    "authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "does not exist",
    "permission denied for database",
)


def is_refusal(error: BaseException) -> bool:
    """Whether the server answered, and will give the same answer until the address is mended."""
    return sqlstate(error) is None and any(sign in str(error) for sign in _REFUSALS)


def count(error: BaseException) -> None:
    """Into the metrics; what never reached the server has no class."""
    state = sqlstate(error)
    kind = "none" if state is None else state[:2]
    metrics.db_errors.labels(metrics.bounded(kind, metrics.SQLSTATE_CLASSES)).inc()


def describe(error: BaseException) -> str:
    """One line for logs, answers and rows, without statement, parameters, address or secret."""
    original = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(original, psycopg.Error):
        return driver_errors.sentence(original)
    return type(error if original is None else original).__name__
