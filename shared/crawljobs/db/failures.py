"""Classify database errors: a conflict to retry, a temporary failure, or a bug of this code."""

from __future__ import annotations

import psycopg
from sqlalchemy.exc import DBAPIError

from crawljobs import errors
from crawljobs.db import driver_errors
from crawljobs.runtime import metrics

# Deadlock, serialization failure, lock not available: a retry of the transaction may succeed.
CONFLICTS = frozenset({"40P01", "40001", "55P03"})
# Connection trouble, shutdown or crash of the server, out of resources, read-only after failover.
# 25P03, 25P04 and 57P05 end a session whose process was frozen for a while.
PASSING_STATES = (
    frozenset({"57P01", "57P02", "57P03", "57P05", "57014", "25006", "25P03", "25P04"}) | CONFLICTS
)
PASSING_CLASSES = ("08", "53")

# An error of a statement, for callers that do not import SQLAlchemy.
StatementError = DBAPIError


def sqlstate(error: BaseException) -> str | None:
    """Return the SQLSTATE, or None if the connection failed."""
    original = error.orig if isinstance(error, DBAPIError) else error
    return original.sqlstate if isinstance(original, psycopg.Error) else None


def constraint(error: BaseException) -> str | None:
    """Return the name of the violated constraint, or None."""
    original = error.orig if isinstance(error, DBAPIError) else error
    return original.diag.constraint_name if isinstance(original, psycopg.Error) else None


def is_conflict(error: BaseException) -> bool:
    """Return whether a retry of the transaction may succeed at once."""
    return sqlstate(error) in CONFLICTS


def may_pass(error: BaseException) -> bool:
    """Return whether the same call may succeed later without a change of code or data."""
    state = sqlstate(error)
    if state is not None:
        return state in PASSING_STATES or state.startswith(PASSING_CLASSES)
    original = error.orig if isinstance(error, DBAPIError) else error
    # A refused or broken connection has no SQLSTATE.
    return isinstance(original, psycopg.OperationalError | psycopg.InterfaceError)


# SQLSTATE classes of errors that a single row can cause: its values, a constraint, an exception of
# a trigger, a size limit, corrupt storage. A missing right or column concerns all rows.
_CLASSES_OF_ROWS = ("21", "22", "23", "54", "P0", "XX")


def is_of_one_row(error: Exception) -> bool:
    """Return whether a single row caused the error; changes of other rows may then succeed."""
    if isinstance(error, errors.DatabaseUnavailable):
        return False
    original = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(original, psycopg.Error):
        # A rule raises these for an invalid value; any other error is a bug.
        return isinstance(original, (errors.CrawljobsError, ValueError, ArithmeticError))
    state = original.sqlstate
    if state is None:  # the driver refused a value
        return isinstance(original, psycopg.DataError)
    return state.startswith(_CLASSES_OF_ROWS)


# Parts of libpq's English messages. A failed connection has no SQLSTATE, so only the text shows it.
_REFUSALS = (
    "authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "does not exist",
    "permission denied for database",
)


def is_refusal(error: BaseException) -> bool:
    """Return whether the server refused the connection, so that a retry cannot succeed."""
    return sqlstate(error) is None and any(sign in str(error) for sign in _REFUSALS)


def count(error: BaseException) -> None:
    """Count the error in the metrics by its SQLSTATE class; `none` for a failed connection."""
    state = sqlstate(error)
    kind = "none" if state is None else state[:2]
    metrics.db_errors.labels(metrics.bounded(kind, metrics.SQLSTATE_CLASSES)).inc()


def describe(error: BaseException) -> str:
    """Return one line for logs, responses and rows: without statement, parameters or secrets."""
    original = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(original, psycopg.Error):
        return driver_errors.sentence(original)
    return type(error if original is None else original).__name__
