"""Connect to Postgres with a timeout that is shorter than the minimum of libpq."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from typing import Any, TypeVar

import psycopg

from crawljobs.db.driver_errors import NoReply

Connection = TypeVar("Connection", bound="psycopg.Connection[Any]")


def connect_within(seconds: float, open_connection: Callable[[], Connection]) -> Connection:
    """Connect in a thread, and return the connection.

    Raises NoReply after `seconds`, or at once if the process cannot start a thread.

    After NoReply, the thread still waits until libpq's own timeout. If the thread then gets a
    connection, the thread closes the connection.
    """
    opened: Future[Connection] = Future()

    def work() -> None:
        try:
            opened.set_result(open_connection())
        except BaseException as error:  # noqa: BLE001 - it is raised again in the caller
            opened.set_exception(error)

    try:
        threading.Thread(target=work, name="connect", daemon=True).start()
    except RuntimeError:
        raise NoReply("no thread can be started for a connection") from None
    try:
        return opened.result(timeout=seconds)
    except Late:
        opened.add_done_callback(lambda late: None if late.exception() else late.result().close())
        raise NoReply(f"no connection within {seconds:g} s") from None
