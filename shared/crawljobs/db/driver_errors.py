"""Describe a driver's error in a sentence that cannot contain a secret.

Messages of the driver and the server can contain parts of connection addresses or stored values.
So this module uses a message only if the message is constant or names only objects of the schema.
For all other errors, this module has fixed sentences (decision 75).
"""

from __future__ import annotations

import re

import psycopg

from crawljobs.domain import plain_text

TEXT_MAX = 300  # limit, in characters, of a sentence that describes an error

# Messages with these SQLSTATEs contain values or parts of a statement. Each entry is the beginning
# of an SQLSTATE.
_QUOTES_VALUES = ("22", "42601", "42602", "42622", "XX")

# The error of a failed connection has no SQLSTATE, so only the text of the error shows the cause.
# Each pair is a part of a message from libpq, psycopg or a pooler, and the sentence that replaces
# the message.
_CONNECTION_FAILURES = (
    ("password authentication failed", "password authentication failed"),
    ("authentication failed", "authentication failed"),
    ("no password supplied", "no password supplied, and the server asks for one"),
    ("no pg_hba.conf entry", "the server has no pg_hba.conf entry for this role and client"),
    ("is not permitted to log in", "the role is not permitted to log in"),
    ("permission denied for database", "permission denied for database: the role may not connect"),
    ("is not currently accepting connections", "the database does not accept connections"),
    ("starting up", "the database system is starting up"),
    ("shutting down", "the database system is shutting down"),
    ("in recovery mode", "the database system is in recovery mode"),
    ("not yet accepting connections", "the database system is not yet accepting connections"),
    ("too many c", "the server has too many connections"),
    ("connection slots are reserved", "the server has too many connections"),
    ("no more connections allowed", "the pooler has too many connections"),
    ("query_wait_timeout", "the pooler had no free connection in time"),
    ("failed to resolve host", "the host's name cannot be resolved"),
    ("could not translate host name", "the host's name cannot be resolved"),
    ("Connection refused", "Connection refused"),
    ("Connection reset", "Connection reset"),
    ("Broken pipe", "Broken pipe"),
    ("Too many open files", "Too many open files"),
    ("No route to host", "No route to host"),
    ("Network is unreachable", "Network is unreachable"),
    ("No such file or directory", "the socket does not exist"),
    ("timeout expired", "connection timeout expired"),
    ("timed out", "the connection timed out"),
    ("certificate", "the server's certificate cannot be verified"),
    ("does not support SSL", "the server does not support TLS"),
    ("SSL", "TLS failed"),
    ("server closed the connection", "server closed the connection unexpectedly"),
    ("connection is closed", "the connection is closed"),
    ("connection is lost", "the connection is lost"),
    ("server login", "the pooler cannot log in to the server"),
    ("does not exist", "the role or the database does not exist"),
    ("definition of service", "the service of the address is not defined"),
    ("GSSAPI encryption required", "GSSAPI encryption is required but not possible"),
    ("channel binding", "the server does not offer the required channel binding"),
    ("authentication method requirement", "the server uses another authentication method"),
)
# Finds the name of the invalid parameter in libpq's messages about the database's address.
_PARAMETER = re.compile(
    r'invalid "?([a-z_]{2,40})"? value|for connection option "([a-z_]{2,40})"'
    r"|may not be used with ([a-z_]{2,40})="
)
# Matches the host and port in libpq's message. In a wrong address, libpq may take a part of the
# password for the host. But libpq writes `at "..."` only for a host name that has been resolved, so
# the matched text is no part of a password.
_PLACE = re.compile(
    r'connection to server at "([A-Za-z0-9._:-]{1,255})"[^,"]{0,80}, port (\d{1,5})'
)


class NoReply(psycopg.OperationalError):
    """The server did not reply in time, or this process could not open a connection.

    The message contains no secret, so `sentence` returns the message unchanged.
    """


def sentence(error: BaseException) -> str:
    """Describe the error in one line of at most TEXT_MAX characters, without secrets or values."""
    if isinstance(error, NoReply):
        return plain_text.one_line(str(error), limit=TEXT_MAX)
    state = error.sqlstate if isinstance(error, psycopg.Error) else None
    if state is not None and isinstance(error, psycopg.Error):
        said = error.diag.message_primary
        if said and not state.startswith(_QUOTES_VALUES):
            return plain_text.one_line(said, limit=TEXT_MAX)
        return f"{type(error).__name__} (SQLSTATE {state})"
    return _connection_failure(error)


def _connection_failure(error: BaseException) -> str:
    text = str(error)
    place = _PLACE.search(text[:2_000])
    # Remove the quoted names of roles and databases. Otherwise a name that contains a text of
    # _CONNECTION_FAILURES, such as `starting up`, would be taken for the cause.
    bare = re.sub(r'"[^"]{0,1000}"', "", text[:2_000])
    parameter = _PARAMETER.search(text[:2_000])
    if parameter is not None:
        name = next(each for each in parameter.groups() if each)
        return f"the parameter {name} of the database's address has a value that cannot work"
    known = (said for sign, said in _CONNECTION_FAILURES if sign in bare)
    said = next(known, f"the connection failed ({type(error).__name__})")
    return f"connection to {place[1]}, port {place[2]}: {said}" if place else said
