"""The worker's connections, one turn of its event loop at a time."""

import errno
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from admin_api.server import arriving_connections, gunicorn_worker, leaving_connections, open_files
from admin_api.server import worker as worker_module
from support.loop_worker import ADDRESS, ALIVE, GET, READY, Loop, is_open, loop

FAR = 1_000.0


@pytest.fixture
def of_ten() -> Iterator[Loop]:
    """A worker that may have 10 connections, of which 2 have a thread."""
    with loop(worker_connections=10, threads=2, keepalive=60) as made:
        yield made


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    now = [FAR]
    clock = SimpleNamespace(monotonic=lambda: now[0])
    for module in (gunicorn_worker, worker_module, arriving_connections, leaving_connections):
        monkeypatch.setattr(module, "time", clock)

    def put(seconds: float) -> None:
        now[0] = FAR + seconds

    return put


@pytest.mark.parametrize(
    ("files", "threads", "connections", "kept"),
    [(1_024, 8, 400, 392), (64, 8, 20, 12), (8, 8, 8, 1)],
)
def test_the_limit_of_open_files_bounds_the_connections_and_those_kept_open(
    monkeypatch: pytest.MonkeyPatch, files: int, threads: int, connections: int, kept: int
) -> None:
    monkeypatch.setattr(open_files.resource, "getrlimit", lambda _: (files, files))
    with loop(worker_connections=400, threads=threads) as made:
        assert made.worker.worker_connections == connections
        assert made.worker.max_keepalived == kept


@pytest.mark.parametrize(("connections", "accepted"), [(240, 15), (10, 1)])
def test_a_turn_of_the_loop_accepts_a_sixteenth_of_the_connections(
    connections: int, accepted: int
) -> None:
    with (
        loop(worker_connections=connections) as made,
        socket.create_server(("127.0.0.1", 0), backlog=64) as listener,
    ):
        listener.setblocking(False)
        address = listener.getsockname()
        clients = [socket.create_connection(address, timeout=5) for _ in range(20)]
        made.worker.accept(listener)
        assert made.worker.nr_conns == accepted
        for client in clients:
            client.close()


def test_the_number_of_connections_stays_below_the_limit(of_ten: Loop) -> None:
    """At the limit gunicorn would accept no connection, and thus no probe."""
    clients = [of_ten.connect() for _ in range(9)]
    assert [is_open(client) for client in clients] == [True] * 9
    clients += [of_ten.connect() for _ in range(2)]
    assert [is_open(client) for client in clients] == [False] * 2 + [True] * 9
    assert of_ten.worker.nr_conns == of_ten.open_sockets() == 9


def test_the_connection_that_has_waited_longest_makes_room(of_ten: Loop) -> None:
    silent = of_ten.connect()
    kept = [of_ten.connect(ALIVE) for _ in range(2)]
    younger = of_ten.connect()
    of_ten.connect(GET)
    for closed in (silent, *kept, younger):
        assert is_open(closed)
        assert of_ten.worker.make_room()
        assert closed.recv(4_096)[:15] in (b"", b"HTTP/1.1 200 OK")
        assert not is_open(closed)
    assert not of_ten.worker.make_room()  # the last connection has a thread
    assert of_ten.worker.nr_conns == 1
    assert of_ten.open_sockets() == 0


def test_a_connection_that_leaves_makes_room_first(of_ten: Loop) -> None:
    silent = of_ten.connect()
    leaving = of_ten.connect(GET)
    of_ten.answer(keeps=False)
    assert leaving.recv(1) == b""
    assert of_ten.worker.nr_conns == 2
    assert of_ten.worker.make_room()
    assert of_ten.worker.nr_conns == 1
    assert is_open(silent)


def test_a_client_that_is_gone_takes_no_place(of_ten: Loop) -> None:
    class Gone(socket.socket):
        def getsockname(self) -> object:
            raise OSError(errno.EINVAL, "gone")

    gone = Gone(socket.AF_UNIX)
    of_ten.worker._open(gone, ADDRESS)
    assert of_ten.worker.nr_conns == 0
    assert gone.fileno() == -1


@pytest.mark.parametrize("keeps", [True, False])
def test_a_connection_that_broke_is_closed_at_once(of_ten: Loop, keeps: bool) -> None:
    of_ten.connect(GET)
    next(iter(of_ten.asked)).sock.close()
    of_ten.answer(keeps=keeps)
    assert of_ten.worker.nr_conns == 0
    assert not of_ten.worker.keepalived_conns


@pytest.mark.parametrize("others", [7, 8])
def test_a_worker_keeps_as_many_connections_as_it_leaves_without_a_thread(
    of_ten: Loop, others: int
) -> None:
    """The response to a probe says whether the worker keeps the connection open."""
    for _ in range(others):
        of_ten.connect(ALIVE)
    with of_ten.connect(ALIVE) as client:
        keeps = b"\r\nConnection: keep-alive\r\n" in client.recv(4_096)
        assert keeps is (others < 8)
        assert is_open(client) is keeps


def test_a_kept_connection_has_its_time_and_little_while_the_worker_stops(
    of_ten: Loop, set_clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(0)
    for _ in range(2):
        of_ten.connect(GET)
    first = of_ten.answer()
    started = first.timeout - 60  # gunicorn's own clock
    monkeypatch.setattr("gunicorn.workers.gthread.time.monotonic", lambda: FAR)
    of_ten.worker.alive = False
    second = of_ten.answer()
    assert second.timeout == FAR + 1
    assert (first.waits_since, second.waits_since) == (FAR, FAR)
    assert started > 0
    assert list(of_ten.worker.keepalived_conns) == [first, second]


def test_a_connection_that_closed_in_the_same_turn_is_left_alone(of_ten: Loop) -> None:
    client = of_ten.connect(GET)
    conn = of_ten.answer()
    client.sendall(GET)
    of_ten.worker.close_oldest_kept()
    of_ten.worker.on_client_socket_readable(conn, conn.sock)
    assert of_ten.worker.nr_conns == 0
    assert not of_ten.asked


@pytest.mark.parametrize("outcome", ["kept", "closed", "failed", "cancelled"])
def test_a_request_that_failed_in_its_thread_ends_its_connection(
    of_ten: Loop, outcome: str
) -> None:
    client = of_ten.connect(GET)
    (conn,) = of_ten.asked
    future: Future[bool] = Future()
    if outcome == "failed":
        future.set_exception(ValueError("a bug"))
    elif outcome == "cancelled":
        future.cancel()
    else:
        future.set_result(outcome == "kept")
    of_ten.worker.finish_request(conn, future)
    assert is_open(client) is (outcome == "kept")


def test_the_loop_waits_until_the_next_deadline(
    of_ten: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    left: list[float | None] = [None]
    monkeypatch.setattr(of_ten.worker.poller, "select", lambda wait: waits.append(wait) or [])
    monkeypatch.setattr(of_ten.worker, "seconds_until_deadline", lambda: left[0])
    acceptor = SimpleNamespace(pause_seconds=0.0)
    monkeypatch.setattr(of_ten.worker, "_acceptor", acceptor)
    for left[0], acceptor.pause_seconds in (
        (None, 0.0),
        (0.3, 0.0),
        (3.0, 0.0),
        (0.3, 0.2),
        (0.1, 0.2),
    ):
        of_ten.worker.wait_for_and_dispatch_events(1.0)
    assert waits == [1.0, 0.3, 1.0, 0.2, 0.1]


def test_no_free_file_pauses_the_accepting(of_ten: Loop) -> None:
    class Full(socket.socket):
        def accept(self) -> tuple[socket.socket, object]:
            raise OSError(errno.ENFILE, "no free file")

    with Full() as listener:
        of_ten.worker.sockets = [listener]
        of_ten.worker.set_accept_enabled(True)
        assert of_ten.open_sockets() == 1
        of_ten.worker.accept(listener)
        assert of_ten.open_sockets() == 0
        of_ten.worker.set_accept_enabled(True)
        assert of_ten.open_sockets() == 0
        of_ten.worker._acceptor = SimpleNamespace(pause_seconds=0.0, accept=lambda _: None)
        of_ten.worker.set_accept_enabled(True)
        of_ten.worker.accept(listener)
        assert of_ten.open_sockets() == 1
        assert listener.fileno() != -1
        assert not of_ten.drain.has_begun
        of_ten.worker.alive = False
        of_ten.worker.set_accept_enabled(False)
        assert (of_ten.open_sockets(), listener.fileno()) == (0, -1)
        assert of_ten.drain.has_begun


def test_a_worker_without_its_application_can_stop(of_ten: Loop) -> None:
    of_ten.worker.wsgi = None
    of_ten.worker.alive = False
    of_ten.worker.set_accept_enabled(False)
    assert of_ten.worker.application_state is None


def test_probes_wait_in_the_loop_and_requests_for_a_thread(of_ten: Loop) -> None:
    of_ten.connect(READY)
    of_ten.connect(GET)
    assert len(of_ten.asked) == 1
    assert of_ten.worker.seconds_until_deadline() == pytest.approx(1.5, abs=1)
