"""Many more slow clients than threads, over real sockets, do not stop the server."""

import contextlib
import select
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support.admin_api import TOKEN, Gunicorn, start_gunicorn
from support.databases import Databases
from support.plain_http import NO_CERTIFICATES

PROCESSES, THREADS = 2, 2
MANY = 40  # slow clients, ten for each thread
MOST_CLIENTS = 200  # the connection limit of both processes together
PROMPT_SECONDS = 5.0  # long enough for a machine that runs other tests
CUT_SECONDS = 20.0
TRICKLE_SECONDS = 0.2
LINE = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
STRANGER = b"POST /api/admin/jobs/bulk HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
POST = STRANGER + f"Authorization: Bearer {TOKEN}\r\n".encode()
STARTED = {
    "nothing": b"",
    "a line": LINE,
    "a half second request": LINE + b"\r\n" + LINE,
    "a half body": POST + b"Content-Length: 99\r\n\r\n{",
    "a half body for a probe": LINE + b"Content-Length: 2000000\r\n\r\nx",
}
HALF_BODIES = {
    "a half body of a stranger": STRANGER + b"Content-Length: 99\r\n\r\n{",
    "a half body of many bytes": POST + b"Content-Length: 999999\r\n\r\n" + b" " * 70_000,
    "a half chunk": POST + b"Transfer-Encoding: chunked\r\n\r\n99\r\n{",
    "a half size of a chunk": POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;",
    "a half trailer": POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: y",
    "a body that is waited for": POST + b"Expect: 100-continue\r\nContent-Length: 99\r\n\r\n",
}


def started(folder: Path, database_url: str) -> Gunicorn:
    return start_gunicorn(
        folder,
        database_url,
        ADMIN_API_WORKERS=str(PROCESSES),
        ADMIN_API_THREADS=str(THREADS),
        GUNICORN_CMD_ARGS=f"--worker-connections={MOST_CLIENTS // PROCESSES}",
    )


@pytest.fixture(scope="module")
def server(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    """Yield a server for tests that leave it unchanged."""
    with databases.clone() as url:
        running = started(tmp_path_factory.mktemp("gunicorn"), url)
        yield running
        running.stop()


@pytest.fixture
def ending(tmp_path: Path, database_url: str) -> Iterator[Gunicorn]:
    """Yield a server that the test may stop."""
    running = started(tmp_path, database_url)
    yield running
    running.stop()


@contextlib.contextmanager
def slow_clients(
    server: Gunicorn, sent: bytes, *, then: bytes = b"x", number: int = MANY
) -> Iterator[list[socket.socket]]:
    """Open connections and send these bytes.

    Afterwards each connection sends a byte now and then.
    """
    host, port = server.url.removeprefix("http://").split(":")
    clients = [
        socket.create_connection((host, int(port)), timeout=CUT_SECONDS) for _ in range(number)
    ]
    over = threading.Event()

    def trickle() -> None:
        while not over.wait(TRICKLE_SECONDS):
            for client in clients:
                with contextlib.suppress(OSError):
                    client.send(then)

    thread = threading.Thread(target=trickle)
    try:
        for client in clients:
            client.sendall(sent)
        thread.start()
        yield clients
    finally:
        over.set()
        thread.join()
        for client in clients:
            client.close()


def seconds_to_answer(server: Gunicorn, path: str = "/healthz") -> float:
    began = time.monotonic()
    answer = httpx.get(server.url + path, timeout=CUT_SECONDS, verify=NO_CERTIFICATES)
    assert answer.status_code == 200
    return time.monotonic() - began


@pytest.mark.parametrize(
    "kinds",
    [[*STARTED], *(pytest.param([kind], marks=pytest.mark.deep) for kind in STARTED)],
    ids=["all", *STARTED],
)
def test_more_slow_senders_than_threads_stop_neither_others_nor_its_end(
    ending: Gunicorn, kinds: list[str]
) -> None:
    """Each kind alone has more clients than the server has threads."""
    number = MANY // len(kinds)
    assert number > PROCESSES * THREADS
    with contextlib.ExitStack() as stack:
        for sent in (STARTED[kind] for kind in kinds):
            then = b"x" if sent else b""
            stack.enter_context(slow_clients(ending, sent, then=then, number=number))
        # The event loop answers the first path, and threads answer the others.
        for path in ("/healthz", "/docs", "/docs/openapi.json"):
            assert seconds_to_answer(ending, path) < PROMPT_SECONDS
        # The server stops before the timeout after which gunicorn kills its workers.
        assert ending.stop() == 0


def test_half_bodies_of_any_kind_hold_no_thread(server: Gunicorn) -> None:
    for kind, sent in HALF_BODIES.items():
        with slow_clients(server, sent, number=3 * PROCESSES * THREADS):
            for path in ("/healthz", "/docs", "/docs/openapi.json"):
                assert seconds_to_answer(server, path) < PROMPT_SECONDS, kind


def test_slow_senders_are_told_and_cut(server: Gunicorn) -> None:
    cut = {
        "silent": (b"", b"", b""),
        "head": (LINE, b"x", b"HTTP/1.1 408 "),
        "body": (POST + b"Content-Length: 99999\r\n\r\n", b" ", b"HTTP/1.1 408 "),
        "chunks": (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"", b"HTTP/1.1 408 "),
        "stranger": (STRANGER + b"Content-Length: 99\r\n\r\n", b" ", b"HTTP/1.1 401 "),
    }
    with contextlib.ExitStack() as stack:
        crowds = {
            name: stack.enter_context(slow_clients(server, sent, then=then, number=10))
            for name, (sent, then, _) in cut.items()
        }
        for name, clients in crowds.items():
            for client in clients:
                answer = b""
                with contextlib.suppress(ConnectionError):
                    while part := client.recv(4096):
                        answer += part
                assert answer[:13] == cut[name][2], name
                assert TOKEN.encode() not in answer
                assert (b'"body_timeout"' in answer) == (name in ("body", "chunks"))
    assert seconds_to_answer(server) < PROMPT_SECONDS


def test_a_body_comes_at_once_in_pieces_or_when_it_is_asked_for(server: Gunicorn) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    body = b'{"subreddits": ["a b"]}'
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\nX: y\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as client:
        received = client.makefile("rb")

        def status() -> int:
            number = int(received.readline().split(b" ")[1])
            length = 0
            while (line := received.readline()) != b"\r\n":
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            received.read(length)
            return number

        head = POST + b"Transfer-Encoding: chunked\r\n\r\n"
        for piece in (head, *(chunks[n : n + 7] for n in range(0, len(chunks), 7))):
            client.sendall(piece)
        assert status() == 207
        client.sendall(POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
        assert status() == 100
        client.sendall(body)
        assert status() == 207
        large = body[:-2] + b" " * 1_000_000 + body[-2:]
        announced = POST + b"Content-Length: %d\r\n\r\n" % len(large)
        client.sendall(announced + large + LINE + b"\r\n" + head + chunks + LINE + b"\r\n")
        assert [status() for _ in range(4)] == [207, 200, 207, 200]


def test_what_a_view_does_not_read_is_no_next_request(server: Gunicorn) -> None:
    hidden = LINE + b"\r\n"
    sent = LINE + b"Content-Length: %d\r\n\r\n" % len(hidden) + hidden + LINE
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(sent + b"Connection: close\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(65_536), b""))
    assert answer.count(b"HTTP/1.1 ") == 2


def test_a_kept_connection_that_idles_is_closed(server: Gunicorn) -> None:
    with slow_clients(server, LINE + b"\r\n", then=b"") as clients:
        deadline = time.monotonic() + CUT_SECONDS
        for client in clients:
            with client.makefile("rb") as answer:
                assert answer.readline().startswith(b"HTTP/1.1 200")
                answer.read()
        assert time.monotonic() < deadline


def test_more_clients_that_do_not_read_than_threads_stop_nobody(server: Gunicorn) -> None:
    ask = b"GET /docs/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    with slow_clients(server, ask * 3, then=b""):
        for _ in range(3):
            assert seconds_to_answer(server) < PROMPT_SECONDS


def test_a_full_house_makes_room_for_who_comes(server: Gunicorn) -> None:
    with contextlib.ExitStack() as stack:
        crowd = [client for _ in range(6) for client in stack.enter_context(_silent(server))]
        assert seconds_to_answer(server) < PROMPT_SECONDS
        closed, _, _ = select.select(crowd, [], [], 0)
        assert closed, "nobody had to leave"


def _silent(server: Gunicorn) -> "contextlib.AbstractContextManager[list[socket.socket]]":
    return slow_clients(server, b"", then=b"")


def test_a_request_in_pieces_and_several_in_one_piece_are_answered(server: Gunicorn) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        for byte in LINE + b"\r\n":
            client.sendall(bytes([byte]))
        client.sendall(b"\r\n" + LINE + b"\r\n" + LINE + b"Connection: close\r\n\r\n")
        answer = b""
        while part := client.recv(65536):
            answer += part
    assert answer.count(b"HTTP/1.1 200 ") == 3
