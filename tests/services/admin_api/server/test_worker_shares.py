"""Which requests and probes a worker takes, and which it refuses, by the shares of connections."""

import errno
import socket
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from admin_api.server.http_rules import overload
from support.loop_worker import ALIVE, GET, READY, Loop, is_open, loop

POST = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"


@pytest.fixture
def of_ten() -> Iterator[Loop]:
    with loop(worker_connections=10, threads=2, keepalive=60) as made:
        yield made


def first_line(client: socket.socket) -> bytes:
    return client.recv(65_536).partition(b"\r\n")[0]


def test_above_six_of_ten_connections_a_request_is_refused(of_ten: Loop) -> None:
    served = [of_ten.connect(GET) for _ in range(6)]
    refused = of_ten.connect(GET)
    answer = refused.recv(4_096)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 2\r\n" in answer
    assert refused.recv(1) == b""
    assert len(of_ten.asked) == 6
    of_ten.answer()
    taken = of_ten.connect(GET)
    assert len(of_ten.asked) == 6
    assert all(is_open(client) for client in (*served, taken))


def test_probes_are_answered_while_requests_are_refused(of_ten: Loop) -> None:
    for _ in range(6):
        of_ten.connect(GET)
    assert first_line(of_ten.connect(ALIVE)) == b"HTTP/1.1 200 OK"
    of_ten.check.set_result(None)
    assert first_line(of_ten.connect(READY)) == b"HTTP/1.1 200 OK"


def test_above_two_of_ten_connections_the_oldest_probe_is_refused(of_ten: Loop) -> None:
    waiting = [of_ten.connect(READY) for _ in range(2)]
    assert of_ten.open_sockets() == 0
    of_ten.connect(READY)
    answer = waiting[0].recv(4_096)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert overload().detail.encode() in answer
    assert not is_open(waiting[0])
    assert is_open(waiting[1])
    assert of_ten.worker.nr_conns == 2


def test_above_two_of_ten_connections_the_oldest_probe_gets_the_last_success(of_ten: Loop) -> None:
    first = of_ten.connect(READY)
    ended, of_ten.check = of_ten.check, Future()
    ended.set_result(None)
    of_ten.turn()
    assert first_line(first) == b"HTTP/1.1 200 OK"
    waiting = [of_ten.connect(READY) for _ in range(3)]
    assert first_line(waiting[0]) == b"HTTP/1.1 200 OK"
    assert of_ten.worker.nr_conns == 4
    assert [is_open(client) for client in (first, *waiting)] == [True] * 4


def test_a_probe_that_waits_makes_room_last(of_ten: Loop) -> None:
    probe = of_ten.connect(READY)
    silent = of_ten.connect()
    assert of_ten.worker.make_room()
    assert not is_open(silent)
    assert is_open(probe)
    assert of_ten.worker.make_room()
    assert first_line(probe) == b"HTTP/1.1 503 Service Unavailable"
    assert not is_open(probe)
    assert not of_ten.worker.make_room()


def test_an_answered_probe_keeps_its_connection_until_the_worker_stops(of_ten: Loop) -> None:
    kept, closing = of_ten.connect(ALIVE), of_ten.connect()
    assert first_line(kept) == b"HTTP/1.1 200 OK"
    of_ten.worker.alive = False
    closing.sendall(ALIVE)
    of_ten.turn()
    assert b"\r\nConnection: close\r\n" in closing.recv(4_096)
    assert closing.recv(1) == b""
    assert is_open(kept)
    assert len(of_ten.worker.keepalived_conns) == 1


@pytest.mark.parametrize("sent", [ALIVE + b"G", POST, GET + ALIVE])
def test_a_probe_with_more_bytes_is_for_a_thread_or_waits(of_ten: Loop, sent: bytes) -> None:
    of_ten.connect(sent)
    assert len(of_ten.asked) == (0 if sent == POST else 1)


def test_a_probe_before_the_application_is_there_is_for_a_thread(of_ten: Loop) -> None:
    of_ten.worker.wsgi = None
    of_ten.connect(ALIVE)
    assert len(of_ten.asked) == 1


@pytest.mark.parametrize("failure", ["full", "broken"])
def test_a_client_that_takes_no_response_is_closed(of_ten: Loop, failure: str) -> None:
    class Stuck(socket.socket):
        def send(self, data: bytes, flags: int = 0) -> int:
            if failure == "broken":
                raise OSError(errno.EPIPE, "broken")
            return len(data) - 1

    client, ours = socket.socketpair()
    stuck = Stuck(fileno=ours.detach())
    with client, stuck:
        of_ten.worker._open(stuck, ("192.0.2.1", 1))
        client.sendall(ALIVE)
        of_ten.turn()
        assert (of_ten.worker.nr_conns, stuck.fileno()) == (0, -1)


def test_a_refused_client_that_is_gone_does_not_end_the_loop(of_ten: Loop) -> None:
    for _ in range(6):
        of_ten.connect(GET)
    client, ours = socket.socketpair()
    with client, ours:
        of_ten.worker._open(ours, ("192.0.2.1", 1))
        client.sendall(GET)
        client.shutdown(socket.SHUT_RD)
        of_ten.turn()
        client.close()
        of_ten.turn()
    assert of_ten.worker.nr_conns == 6
