"""The acceptor takes several waiting connections in one call, whatever error `accept` raises."""

import contextlib
import errno
import os
import select
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from crawljobs.runtime.probes import acceptor
from crawljobs.runtime.probes.acceptor import PAUSE_SECONDS, Acceptor
from support.waiting import wait_until

MOST = 8
OF_ONE_CONNECTION = (
    *(errno.ECONNABORTED, errno.EPROTO, errno.ENETDOWN, errno.ENOPROTOOPT, errno.EHOSTDOWN),
    *(errno.ENONET, errno.EHOSTUNREACH, errno.EOPNOTSUPP, errno.ENETUNREACH, errno.ETIMEDOUT),
    *(errno.EPERM, errno.ECONNRESET),
)


class Listener(socket.socket):
    """A real listening socket. Its `accept` first raises the given errors."""

    errors: list[int]

    def accept(self) -> tuple[socket.socket, Any]:
        if self.errors:
            number = self.errors.pop(0)
            raise OSError(number, os.strerror(number))
        return super().accept()


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as made:
        made.errors = []
        made.bind(("127.0.0.1", 0))
        made.listen(50)
        made.setblocking(False)
        yield made


@pytest.fixture
def clients(listener: Listener) -> Iterator[Callable[[int], None]]:
    with contextlib.ExitStack() as stack:

        def connect(number: int) -> None:
            for _ in range(number):
                stack.enter_context(socket.create_connection(listener.getsockname()))
            select.select([listener], [], [], 10)

        yield connect


class Server:
    """A server that uses the acceptor. It counts its connections and closes them."""

    def __init__(self, *, idle: int = 0) -> None:
        self.begun = 0
        self.idle = idle
        self.now = 1.0
        self.acceptor = Acceptor(
            begin=self._begin, make_room=self._make_room, most=MOST, clock=lambda: self.now
        )

    def _begin(self, client: socket.socket, _address: object) -> None:
        self.begun += 1
        client.close()

    def _make_room(self) -> bool:
        had_one = self.idle > 0
        self.idle -= had_one
        return had_one


def test_one_call_takes_all_that_wait_up_to_its_limit(
    listener: Listener, clients: Callable[[int], None]
) -> None:
    server = Server()
    clients(MOST + 3)

    def accept() -> int:
        server.acceptor.accept(listener)
        return server.begun

    assert accept() == MOST
    wait_until(lambda: accept() == MOST + 3, timeout=20, describe=lambda: server.begun)
    assert accept() == MOST + 3


@pytest.mark.parametrize("number", OF_ONE_CONNECTION, ids=errno.errorcode.get)
def test_an_error_of_one_connection_ends_neither_the_server_nor_the_next_connection(
    listener: Listener, clients: Callable[[int], None], number: int
) -> None:
    server = Server()
    clients(1)
    listener.errors = [number]
    server.acceptor.accept(listener)
    assert server.begun == 1
    assert server.acceptor.pause_seconds == 0
    listener.errors = [number] * 1_000
    server.acceptor.accept(listener)
    assert len(listener.errors) == 1_000 - MOST  # limited, so that other sockets are served too


@pytest.mark.parametrize("number", acceptor.EXHAUSTED, ids=errno.errorcode.get)
def test_without_resources_it_pauses_for_a_moment(
    listener: Listener, clients: Callable[[int], None], number: int
) -> None:
    server = Server()
    clients(1)
    listener.errors = [number]
    server.acceptor.accept(listener)
    assert server.begun == 0
    assert server.acceptor.pause_seconds == pytest.approx(PAUSE_SECONDS)
    server.now += PAUSE_SECONDS
    assert server.acceptor.pause_seconds == 0
    server.acceptor.accept(listener)
    assert server.begun == 1


def test_descriptors_of_an_idle_connection_are_used_at_once(listener: Listener) -> None:
    server = Server(idle=1)
    listener.errors = [errno.EMFILE, errno.EMFILE]
    server.acceptor.accept(listener)
    assert (server.idle, server.acceptor.pause_seconds) == (0, 0)
    server.acceptor.accept(listener)
    assert server.acceptor.pause_seconds > 0


@pytest.mark.parametrize("number", acceptor.LISTENER_BROKEN, ids=errno.errorcode.get)
def test_a_broken_listener_is_no_silence(listener: Listener, number: int) -> None:
    """The error must end the process, so that another process listens instead."""
    listener.errors = [number]
    with pytest.raises(OSError, match=os.strerror(number)):
        Server().acceptor.accept(listener)
