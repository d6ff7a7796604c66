"""The class of an error of the database: a conflict, a failure that passes, or a bug."""

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from crawljobs import errors
from crawljobs.db import failures
from crawljobs.runtime import metrics


def with_state(state: str | None) -> psycopg.Error:
    error = psycopg.OperationalError("x")
    error.sqlstate = state
    return error


def wrapped(error: psycopg.Error) -> DBAPIError:
    return DBAPIError("SELECT 1", None, error)


@pytest.mark.parametrize(
    ("state", "is_conflict", "may_pass", "is_of_one_row"),
    [
        ("40P01", True, True, False),
        ("40001", True, True, False),
        ("55P03", True, True, False),
        ("57014", False, True, False),
        ("25006", False, True, False),
        ("08006", False, True, False),
        ("53300", False, True, False),
        ("23505", False, False, True),
        ("22P02", False, False, True),
        ("XX001", False, False, True),
        ("42501", False, False, False),
        ("25001", False, False, False),
        (None, False, True, False),
    ],
)
def test_the_sqlstate_decides_the_class_of_an_error(
    state: str | None, is_conflict: bool, may_pass: bool, is_of_one_row: bool
) -> None:
    for error in (with_state(state), wrapped(with_state(state))):
        assert failures.sqlstate(error) == state
        assert failures.is_conflict(error) is is_conflict
        assert failures.may_pass(error) is may_pass
        assert failures.is_of_one_row(error) is is_of_one_row


@pytest.mark.parametrize(
    ("error", "may_pass", "is_of_one_row"),
    [
        (psycopg.InterfaceError("the connection is closed"), True, False),
        (psycopg.ProgrammingError("no result"), False, False),
        (psycopg.DataError("NUL in a text"), False, True),
        (errors.DatabaseUnavailable("x"), False, False),
        (errors.InvalidCron("x"), False, True),
        (ValueError("x"), False, True),
        (ZeroDivisionError("x"), False, True),
        (KeyError("x"), False, False),
    ],
)
def test_an_error_without_a_sqlstate_is_judged_by_its_type(
    error: Exception, may_pass: bool, is_of_one_row: bool
) -> None:
    assert failures.sqlstate(error) is None
    assert failures.constraint(error) is None
    assert failures.may_pass(error) is may_pass
    assert failures.is_of_one_row(error) is is_of_one_row


def test_only_a_message_of_a_refused_connection_is_a_refusal() -> None:
    refused = psycopg.OperationalError('role "x" does not exist')
    assert failures.is_refusal(refused)
    assert not failures.is_refusal(psycopg.OperationalError("Connection refused"))
    refused.sqlstate = "42704"
    assert not failures.is_refusal(refused)


STARTING = 'connection to server at "b" failed: FATAL:  the database system is starting up'
NO_SOCKET = """connection to server on socket "/x/.s.PGSQL.5432" failed: No such file or directory
\tIs the server running locally and accepting connections on that socket?"""
UNKNOWN_AUTHORITY = """connection to server at "a" failed: root certificate file "/x" does not exist
Either provide the file, use the system's trusted roots, or change sslmode"""


@pytest.mark.parametrize(
    ("message", "is_refusal", "is_wrong_tls"),
    [
        ('FATAL:  role "x" is not permitted to log in', True, False),
        ('could not open certificate file "/x": No such file or directory', True, True),
        (UNKNOWN_AUTHORITY, True, True),
        ("server does not support SSL, but SSL was required", True, True),
        ("SSL error: certificate verify failed", True, True),
        ('private key file "/x" has group or world access', True, True),
        ('FATAL:  no pg_hba.conf entry for host "::1", no encryption', True, False),
        ("FATAL:  no such database: x", True, False),  # from PgBouncer
        ('weak sslmode "prefer" may not be used with sslnegotiation=direct', True, False),
        ('invalid "ssl_min_protocol_version" value: "TLSv9"', True, False),
        ('invalid require_auth value: "bogus"', True, False),
        ("GSSAPI encryption required but no credential cache", True, False),
        ('definition of service "x" not found', True, False),
        ('authentication method requirement "none" failed: server requested', True, False),
        ("channel binding is required, but server did not offer it", True, False),
        ('invalid integer value "abc" for connection option "keepalives"', True, False),
        # A host that is named like a parameter is no sign.
        ('could not translate host name "invalid_value" to address', False, False),
        ("SSL SYSCALL error: EOF detected", False, False),
        (NO_SOCKET, False, False),
        (STARTING, False, False),
        # One of two hosts may become reachable.
        (f'FATAL:  password authentication failed for user "x"\n{STARTING}', False, False),
        # The name of the role is no sign of a refusal.
        ('FATAL:  too many connections for role "certificate does not exist"', False, False),
    ],
)
def test_only_a_refusal_that_stays_is_a_refusal(
    message: str, is_refusal: bool, is_wrong_tls: bool
) -> None:
    error = psycopg.OperationalError(message)
    assert failures.is_refusal(error) is is_refusal
    assert failures.is_wrong_tls(error) is is_wrong_tls


@pytest.mark.parametrize(("state", "kind"), [("40P01", "40"), (None, "none")])
def test_an_error_is_counted_by_the_class_of_its_sqlstate(state: str | None, kind: str) -> None:
    counter = metrics.db_errors.labels(kind)
    before = counter._value.get()
    failures.count(with_state(state))
    assert counter._value.get() == before + 1
