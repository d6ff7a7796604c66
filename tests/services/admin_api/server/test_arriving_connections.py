"""The times and the memory of connections whose requests arrive."""

import contextlib
import socket
from collections.abc import Callable

import pytest

from admin_api.server import arriving_connections, arriving_request
from support.loop_worker import ALIVE, GET, Loop, has_bytes, is_open

MIB = 1024 * 1024
BODY = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
LARGE = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1100000\r\n\r\n"


def status(client: socket.socket) -> int:
    return int(client.recv(4_096).split(b" ")[1])


@pytest.mark.parametrize(
    ("sent", "seconds", "replied"),
    [
        (b"", 10.0, None),
        (b"GET /", 10.0, 408),
        (BODY, 5.0, "thread"),
        (BODY + b"x", 5.125, "thread"),
    ],
)
def test_a_request_that_is_late_is_refused_served_or_dropped(
    running: Loop,
    wait: Callable[[float], None],
    sent: bytes,
    seconds: float,
    replied: int | str | None,
) -> None:
    """The application responds to a late body, because it checks the token first."""
    client = running.connect(sent)
    wait(seconds - 0.25)
    assert is_open(client)
    assert not running.asked
    wait(0.25)
    if replied is None:
        assert client.recv(1) == b""
        assert running.worker.nr_conns == 0
    elif replied == "thread":
        (conn,) = running.asked
        assert conn.arriving.state is arriving_request.State.LATE
    else:
        assert status(client) == replied
        assert client.recv(1) == b""


@pytest.mark.parametrize(("sent", "seconds"), [(b"", 1.0), (b"GET /", 1.0), (BODY, 3.0)])
def test_the_rest_of_a_request_has_little_time_while_the_worker_stops(
    running: Loop, wait: Callable[[float], None], sent: bytes, seconds: float
) -> None:
    client = running.connect(sent)
    running.worker.alive = False
    for _ in range(2):  # the time counts from the start of the stop
        wait(0.125)
    wait(seconds - 0.25)
    assert (is_open(client), len(running.asked)) == (True, 0)
    wait(0.125)
    if sent == BODY:
        assert len(running.asked) == 1
    elif sent:
        assert status(client) == 408
    else:
        assert running.worker.nr_conns == 0


def test_a_deadline_is_never_longer_while_the_worker_stops(
    running: Loop, wait: Callable[[float], None]
) -> None:
    running.connect(BODY)
    wait(4.0)
    running.worker.alive = False
    wait(0.75)
    assert not running.asked
    wait(0.25)  # 5 seconds after the head
    assert len(running.asked) == 1


def test_a_client_that_breaks_off_its_body_gets_its_response_from_the_application(
    running: Loop,
) -> None:
    client = running.connect(BODY + b"x")
    client.shutdown(socket.SHUT_WR)
    running.turn()
    (conn,) = running.asked
    assert conn.arriving.state is arriving_request.State.BROKEN_OFF


def test_a_client_that_closes_before_its_request_is_forgotten(
    running: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arriving_connections, "HELD_BYTES_MAX", 8)
    for sent in (b"", b"GET /", b"GET /"):
        running.connect(sent).close()
        running.turn()
        assert (running.worker.nr_conns, running.open_sockets()) == (0, 0)
    client = running.connect(b"GET /x H")
    assert not has_bytes(client)
    client.sendall(b"T")
    running.turn()
    assert status(client) == 503


def test_above_32_mib_the_request_with_the_most_bytes_is_refused(running: Loop) -> None:
    def send(client: socket.socket, size: int) -> None:
        client.setblocking(False)
        left = memoryview(bytes(size))
        while left:
            with contextlib.suppress(BlockingIOError):
                left = left[client.send(left) :]
            running.turn()
        for _ in range(10):  # the rest is in the kernel's buffer
            running.turn()
        client.settimeout(5)

    clients = [running.connect(LARGE) for _ in range(32)]
    for client in clients:
        send(client, MIB - len(LARGE))
    assert not any(has_bytes(client) for client in clients)
    send(clients[7], 1)
    assert status(clients[7]) == 503
    assert not any(has_bytes(client) for client in clients)
    send(clients[9], 1)  # there is room, because the refused request is no longer in memory
    assert not has_bytes(clients[9])


def test_a_served_request_counts_until_its_response(
    running: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arriving_connections, "HELD_BYTES_MAX", len(GET) + 9)
    first = running.connect(GET)
    second = running.connect(b"x" * 10)
    assert status(second) == 503
    running.answer()
    for _ in range(3):
        first.sendall(GET)
        running.turn()
        running.answer()
    third = running.connect(b"GET /" + b"x" * (len(GET) + 4))
    assert not has_bytes(third)
    third.sendall(b"x")
    running.turn()
    assert status(third) == 503


def test_an_answered_probe_counts_no_longer(running: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arriving_connections, "HELD_BYTES_MAX", 2 * len(ALIVE))
    kept = running.connect()
    for _ in range(5):
        kept.sendall(ALIVE)
        running.turn()
        assert status(kept) == 200
    assert not has_bytes(running.connect(b"GET /" + b"x" * (2 * len(ALIVE) - 5)))


def test_the_next_request_may_come_with_the_one_before(running: Loop) -> None:
    client = running.connect(GET + GET + ALIVE)
    assert len(running.asked) == 1
    running.answer()
    assert len(running.asked) == 1
    running.answer()
    assert status(client) == 200
    assert running.open_sockets() == 1


def test_a_client_that_resets_its_connection_is_forgotten(running: Loop) -> None:
    """A socket with unread bytes resets its connection when it is closed."""
    waits = BODY.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
    running.connect(waits).close()
    running.turn()
    assert (running.worker.nr_conns, running.open_sockets()) == (0, 0)


def test_a_connection_that_broke_before_its_next_request_is_closed(running: Loop) -> None:
    running.connect(GET + GET)
    next(iter(running.asked)).sock.close()
    running.answer()
    assert (running.worker.nr_conns, len(running.asked)) == (0, 0)


def test_a_client_that_waits_to_send_its_body_is_asked_for_it(running: Loop) -> None:
    client = running.connect(BODY.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
    assert client.recv(4_096) == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.sendall(b"123456789")
    running.turn()
    assert len(running.asked) == 1
