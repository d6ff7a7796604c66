"""Each connection opens with limits, so that no wait on it lasts longer than its limit."""

import contextlib
import errno
import os
import resource
import socket
from collections.abc import Iterator
from dataclasses import fields, replace

import pytest

from crawljobs import errors
from crawljobs.db import connection, server_liveness
from crawljobs.db.database import Database
from crawljobs.db.timeouts import (
    BACKGROUND_TIMEOUTS,
    INTERACTIVE_TIMEOUTS,
    PROBE_TIMEOUTS,
    Timeouts,
)

NOTICED_SECONDS = 2.0  # a caller that waits must notice a dead database within this time
# Options of the kernel for a TCP socket.
OF_THE_SOCKET = {
    socket.TCP_KEEPIDLE: 10,
    socket.TCP_KEEPINTVL: 3,
    socket.TCP_KEEPCNT: 3,
    socket.TCP_USER_TIMEOUT: 15_000,
}


def opened_socket(url: str) -> dict[int, int]:
    opened = connection.connect(url, "tests")
    try:
        assert opened.info.hostaddr, "the tests' Postgres is asked over TCP"
        with socket.socket(fileno=socket.dup(opened.fileno())) as copy:
            return {name: copy.getsockopt(socket.IPPROTO_TCP, name) for name in OF_THE_SOCKET}
    finally:
        opened.close()


def test_a_silent_network_is_noticed_by_the_kernel(database_url: str) -> None:
    assert opened_socket(database_url) == OF_THE_SOCKET


@pytest.mark.parametrize(
    ("seconds", "timeout"), [(0.1, 2), (0.9, 2), (1.9, 2), (2.0, 2), (2.1, 3), (5.0, 5), (7.2, 8)]
)
def test_a_connect_ends_at_its_limit_in_whole_seconds_of_libpq(
    database_url: str, seconds: float, timeout: int
) -> None:
    opened = connection.connect(
        database_url, "tests", limits=replace(BACKGROUND_TIMEOUTS, connect=seconds)
    )
    try:
        assert opened.info.get_parameters()["connect_timeout"] == str(timeout)
    finally:
        opened.close()


@pytest.mark.parametrize("limits", [BACKGROUND_TIMEOUTS, INTERACTIVE_TIMEOUTS, PROBE_TIMEOUTS])
@pytest.mark.parametrize(
    ("setting", "of"),
    [
        ("statement_timeout", lambda limits: limits.statement),
        ("lock_timeout", lambda limits: limits.lock),
        ("idle_in_transaction_session_timeout", lambda _: 15.0),
    ],
)
def test_a_session_has_the_limits_of_its_connection(
    database_url: str, limits: Timeouts, setting: str, of: object
) -> None:
    opened = connection.connect(database_url, "tests", limits=limits)
    try:
        row = opened.execute(
            "SELECT setting::float8 / 1000, unit FROM pg_settings WHERE name = %s", [setting]
        ).fetchone()
        assert row == (of(limits), "ms")  # type: ignore[operator]
        assert opened.reply_seconds == limits.reply
    finally:
        opened.close()


@pytest.mark.parametrize("limits", [BACKGROUND_TIMEOUTS, INTERACTIVE_TIMEOUTS, PROBE_TIMEOUTS])
def test_the_servers_limits_come_before_the_clients(limits: Timeouts) -> None:
    """The server's limit is shorter: its error names the cause and keeps the connection usable."""
    assert limits.statement < limits.reply
    if limits is not PROBE_TIMEOUTS:  # the statements of the probes wait for no lock
        assert limits.lock < limits.statement
    assert all(getattr(limits, field.name) > 0 for field in fields(limits))


@pytest.mark.parametrize("limits", [INTERACTIVE_TIMEOUTS, PROBE_TIMEOUTS])
def test_a_silent_database_is_found_out_in_time(limits: Timeouts) -> None:
    """A check of the open connection and an attempt to open a new one fit into the time limit."""
    assert limits.ping + limits.connect < NOTICED_SECONDS


def test_an_error_of_our_own_limits_is_no_sign_of_life() -> None:
    shortest = min(getattr(PROBE_TIMEOUTS, field.name) for field in fields(PROBE_TIMEOUTS))
    assert shortest > server_liveness.OWN_LIMIT_SECONDS


@contextlib.contextmanager
def free_files(number: int) -> Iterator[None]:
    """Leave this process only this number of free file descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = [os.open(os.devnull, os.O_RDONLY) for _ in range(10)]  # uses up the lower numbers
    lowest_free = taken[-1] + 1
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free + number, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for one in taken:
            os.close(one)


@pytest.mark.parametrize("limits", [BACKGROUND_TIMEOUTS, INTERACTIVE_TIMEOUTS])
def test_without_a_free_file_the_database_is_unavailable_for_a_while(
    database_url: str, limits: Timeouts
) -> None:
    database = Database(database_url, pool_size=1, limits=limits)
    # With one free descriptor, the socket opens, but the selector that waits for it does not.
    for free in range(3):
        with free_files(free), contextlib.suppress(errors.DatabaseUnavailable):
            database.check_reachable()
        database.check_reachable()
        database.close()


@pytest.mark.parametrize("limits", [BACKGROUND_TIMEOUTS, INTERACTIVE_TIMEOUTS])
def test_an_error_of_this_process_is_named(
    database_url: str, limits: Timeouts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    database = Database(database_url, pool_size=1, limits=limits)
    with monkeypatch.context() as patched:
        patched.setattr("psycopg.waiting.DefaultSelector", refuse)
        with pytest.raises(errors.DatabaseUnavailable, match="Too many open files"):
            database.check_reachable()
    database.check_reachable()
    database.close()


@pytest.mark.parametrize("limits", [BACKGROUND_TIMEOUTS, INTERACTIVE_TIMEOUTS, PROBE_TIMEOUTS])
def test_a_late_reply_is_given_up_soon_after_the_servers_limit(limits: Timeouts) -> None:
    assert limits.reply <= 1.5 * limits.statement
    assert limits.ping <= limits.reply


def test_a_caller_who_waits_hears_of_a_busy_pool_in_time() -> None:
    assert INTERACTIVE_TIMEOUTS.pool < NOTICED_SECONDS
    assert INTERACTIVE_TIMEOUTS.lock < INTERACTIVE_TIMEOUTS.statement / 2


def test_a_pool_has_five_connections_and_no_more(database_url: str) -> None:
    limits = replace(BACKGROUND_TIMEOUTS, pool=0.05)
    with contextlib.closing(Database(database_url, limits=limits)) as database:
        with contextlib.ExitStack() as opened:
            for _ in range(5):
                opened.enter_context(database.read())
            with (
                pytest.raises(errors.DatabaseUnavailable, match="every connection is busy"),
                database.read(),
            ):
                pass
        database.check_reachable()
