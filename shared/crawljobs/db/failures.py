"""Classify database errors: conflicts, which need a retry; temporary failures; and bugs."""

from __future__ import annotations

import re

import psycopg
from sqlalchemy.exc import DBAPIError

from crawljobs import errors
from crawljobs.db import driver_errors
from crawljobs.runtime import metrics

# Deadlock, serialization failure, lock not available: a retry of the transaction may succeed.
CONFLICTS = frozenset({"40P01", "40001", "55P03"})
# Temporary failures: a failed connection, a canceled statement, and a server that stops, crashes,
# lacks resources or is read-only after a failover. With 25P03, 25P04 and 57P05, the server ended a
# session because the client's process was frozen for a while.
PASSING_STATES = (
    frozenset({"57P01", "57P02", "57P03", "57P05", "57014", "25006", "25P03", "25P04"}) | CONFLICTS
)
PASSING_CLASSES = ("08", "53")

# The exception class of failed statements. With this name, other modules can catch a failed
# statement without an import of SQLAlchemy.
StatementError = DBAPIError


def sqlstate(error: BaseException) -> str | None:
    """Return the SQLSTATE of the error, or None if the error has no SQLSTATE."""
    original = error.orig if isinstance(error, DBAPIError) else error
    return original.sqlstate if isinstance(original, psycopg.Error) else None


def constraint(error: BaseException) -> str | None:
    """Return the name of the violated constraint, or None if no constraint was violated."""
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
    # The error of a refused or broken connection has no SQLSTATE. A new connection may work.
    return isinstance(original, psycopg.OperationalError | psycopg.InterfaceError)


# SQLSTATE classes of errors that a single row can cause: by its values, its size, a constraint, a
# trigger's exception or corrupt storage. The class of errors for a missing right or column is not
# in the list, because such an error affects all rows.
_CLASSES_OF_ROWS = ("21", "22", "23", "54", "P0", "XX")


def is_of_one_row(error: Exception) -> bool:
    """Return whether a single row may have caused the error, so that other rows may succeed."""
    if isinstance(error, errors.DatabaseUnavailable):
        return False
    original = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(original, psycopg.Error):
        # The domain's rules raise these errors for an invalid value. Any other error is a bug.
        return isinstance(original, (errors.CrawljobsError, ValueError, ArithmeticError))
    state = original.sqlstate
    if state is None:  # no SQLSTATE: the driver itself refused a value
        return isinstance(original, psycopg.DataError)
    return state.startswith(_CLASSES_OF_ROWS)


# Parts of libpq's English messages for a refused connection. A refusal has no SQLSTATE, so
# only the text of the message shows it.
_REFUSALS = (
    "authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "does not exist",
    "no such database",
    "no such user",
    "is not permitted to log in",
    "permission denied for database",
)
# Parts of messages about invalid parameters in the database's address, and about parameters that
# the server does not support. A retry cannot succeed.
_WRONG_PARAMETERS = (
    "may not be used with",
    "GSSAPI encryption required",
    "channel binding",
    "authentication method requirement",
    "invalid integer value",
    "definition of service",
)
_INVALID_PARAMETER = re.compile(r"\binvalid\s+(?:[a-z_]{1,40}\s+)?value\b")
# Parts of messages about TLS settings that do not fit the server: certificates, files and the mode.
_WRONG_TLS = (
    "certificate",
    "private key file",
    "does not support SSL",
    "SSL is required",
    "sslmode value",
    "sslrootcert",
)
# Parts of messages about a temporary failure. If an address names several hosts, the message has a
# sentence for each host. While one of the hosts is unreachable or starts, a retry may succeed.
_PASSING = (
    "Connection refused",
    "No such file or directory\n\tIs the server running",
    "timeout expired",
    "Connection timed out",
    "No route to host",
    "Network is unreachable",
    "could not translate host name",
    "failed to resolve host",
    "starting up",
    "shutting down",
    "in recovery mode",
    "not yet accepting connections",
)


def is_refusal(error: BaseException) -> bool:
    """Return whether the server refused the connection, so that a retry cannot succeed.

    Wrong TLS settings and unusable parameters of the address are refusals too.
    """
    return _has_sign(error, _REFUSALS + _WRONG_TLS + _WRONG_PARAMETERS)


def is_wrong_tls(error: BaseException) -> bool:
    """Return whether the error shows that the TLS settings are wrong. Then no retry can succeed."""
    return _has_sign(error, _WRONG_TLS)


def _has_sign(error: BaseException, signs: tuple[str, ...]) -> bool:
    if sqlstate(error) is not None:
        return False
    # Remove the names in quotes, because the name of a role or database may contain one of `signs`.
    bare = re.sub(r'"[^"]{0,1000}"', "", str(error)[:4_000])
    found = any(sign in bare for sign in signs)
    if signs is not _WRONG_TLS:
        found |= _INVALID_PARAMETER.search(bare) is not None
    return found and not any(sign in bare for sign in _PASSING)


def count(error: BaseException) -> None:
    """Count the error in the metrics by its SQLSTATE class, or as `none` without an SQLSTATE."""
    state = sqlstate(error)
    kind = "none" if state is None else state[:2]
    metrics.db_errors.labels(metrics.bounded(kind, metrics.SQLSTATE_CLASSES)).inc()


def describe(error: BaseException) -> str:
    """Describe the error in one line for logs, responses and rows, without values or secrets."""
    original = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(original, psycopg.Error):
        return driver_errors.sentence(original)
    return type(error if original is None else original).__name__
