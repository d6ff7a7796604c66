"""Every call on a socket to Reddit ends by the deadline of its exchange.

Connections are used again. The timeout that an earlier call left on the socket has no effect on the
next call.
"""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from crawler_worker.reddit.exchange import exchange_deadline, sockets
from support import certificates

LEFT_SECONDS = 0.15
ENDED_SECONDS = 5.0  # long enough for a busy machine; a call without a deadline takes longer
LEFT_BEHIND_SECONDS = 20.0
MUCH = bytes(1 << 24)  # more bytes than all socket buffers hold


@dataclass(frozen=True)
class Ends:
    """The client's socket, and a peer that neither reads nor writes."""

    client: socket.socket
    peer: socket.socket


@pytest.fixture
def plain() -> Iterator[Ends]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        with exchange_deadline.limit(10):
            client = sockets.connect("127.0.0.1", server.getsockname()[1])
        peer, _ = server.accept()
        with client, peer:
            yield Ends(client, peer)


@pytest.fixture(scope="module")
def secured(module_folder: Path) -> certificates.Certificate:
    return certificates.make(module_folder, "DNS:localhost")


@pytest.fixture
def tls(plain: Ends, secured: certificates.Certificate) -> Iterator[Ends]:
    hello: list[ssl.SSLSocket] = []
    accepting = threading.Thread(
        target=lambda: hello.append(secured.context.wrap_socket(plain.peer, server_side=True))
    )
    accepting.start()
    with exchange_deadline.limit(10):
        client = sockets.tls(str(secured.file), None).wrap_socket(
            plain.client, server_hostname="localhost"
        )
    accepting.join(10)
    with client, hello[0] as peer:
        yield Ends(client, peer)


CALLS: dict[str, Callable[[socket.socket], object]] = {
    "recv": lambda it: it.recv(10),
    "recv_into": lambda it: it.recv_into(bytearray(10)),
    "sendall": lambda it: it.sendall(MUCH),
}


@contextlib.contextmanager
def soon() -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < ENDED_SECONDS


@pytest.mark.parametrize("kind", ["plain", "tls"])
@pytest.mark.parametrize("call", CALLS)
def test_a_call_on_a_used_connection_ends_with_its_own_exchange(
    request: pytest.FixtureRequest, kind: str, call: str
) -> None:
    ends: Ends = request.getfixturevalue(kind)
    ends.client.settimeout(LEFT_BEHIND_SECONDS)
    with soon(), exchange_deadline.limit(LEFT_SECONDS), pytest.raises(TimeoutError):
        CALLS[call](ends.client)


@pytest.mark.parametrize("kind", ["plain", "tls"])
@pytest.mark.parametrize("call", CALLS)
def test_no_call_begins_after_the_deadline(
    request: pytest.FixtureRequest, kind: str, call: str
) -> None:
    ends: Ends = request.getfixturevalue(kind)
    ends.peer.sendall(b"ready")
    with exchange_deadline.limit(0), pytest.raises(TimeoutError, match="took too long"):
        CALLS[call](ends.client)
    # Outside of an exchange, every call fails too.
    with pytest.raises(TimeoutError, match="took too long"):
        CALLS[call](ends.client)


@pytest.mark.parametrize("kind", ["plain", "tls"])
def test_between_two_pieces_a_call_waits_no_longer_than_the_longest_silence(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    ends: Ends = request.getfixturevalue(kind)
    monkeypatch.setattr(sockets, "READ_SECONDS", LEFT_SECONDS)
    for call in CALLS.values():
        with soon(), exchange_deadline.limit(60), pytest.raises(TimeoutError):
            call(ends.client)


def test_a_handshake_ends_with_its_exchange_and_within_the_time_of_a_connect(
    plain: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = sockets.tls(None, None)
    for seconds, connect in ((LEFT_SECONDS, 60.0), (60.0, LEFT_SECONDS)):
        monkeypatch.setattr(sockets, "CONNECT_SECONDS", connect)
        with contextlib.closing(plain.client.dup()) as client:
            client.settimeout(LEFT_BEHIND_SECONDS)
            with soon(), exchange_deadline.limit(seconds), pytest.raises(TimeoutError):
                context.wrap_socket(client, server_hostname="localhost")


def test_a_connect_ends_with_its_exchange_and_within_its_own_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server's queue is full, so that the kernel accepts no further connection."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        address = server.getsockname()
        for _ in range(4):
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(address)
        for seconds, connect in ((LEFT_SECONDS, 60.0), (60.0, LEFT_SECONDS)):
            monkeypatch.setattr(sockets, "CONNECT_SECONDS", connect)
            with soon(), exchange_deadline.limit(seconds), pytest.raises(TimeoutError):
                sockets.connect(*address)


def test_a_name_is_looked_up_within_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    released, daemons = threading.Event(), []

    def late(*_: object, **__: object) -> list[object]:
        daemons.append(threading.current_thread().daemon)
        released.wait(20)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", late)
    for seconds, resolve in ((LEFT_SECONDS, 60.0), (60.0, LEFT_SECONDS)):
        monkeypatch.setattr(sockets, "RESOLVE_SECONDS", resolve)
        with (
            soon(),
            exchange_deadline.limit(seconds),
            pytest.raises(TimeoutError, match="resolved"),
        ):
            sockets.connect("reddit.test", 443)
    released.set()
    assert daemons == [True, True]  # a process that ends does not wait for the resolver


def test_a_connection_sends_small_requests_at_once(plain: Ends) -> None:
    assert plain.client.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_the_last_fraction_of_a_second_before_the_deadline_is_used() -> None:
    with exchange_deadline.limit(0.5):
        assert 0 < exchange_deadline.left() <= 0.5


def test_a_deadline_moves_forward_and_never_back() -> None:
    with exchange_deadline.limit(60):
        assert 59 < exchange_deadline.left(1000) <= 60
        assert exchange_deadline.left(5) == 5
        exchange_deadline.end_within(1000)
        assert 59 < exchange_deadline.left(1000) <= 60
        exchange_deadline.end_within(30)
        assert 29 < exchange_deadline.left(1000) <= 30
        assert not exchange_deadline.is_over()
        exchange_deadline.end_within(0)
        assert exchange_deadline.is_over()
    assert exchange_deadline.is_over()
