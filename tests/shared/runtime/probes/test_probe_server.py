"""Probes are answered, whatever other clients do."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path

import psutil
import pytest

from crawljobs import errors, probe
from crawljobs.runtime.probes import probe_connection, probe_server
from crawljobs.runtime.probes.probe_server import Answer, NotWell, ProbeServer, check
from crawljobs.settings import ProbeAddress
from support.waiting import wait_until

ROOT = Path(__file__).parents[3]
LOOPBACK = ProbeAddress("127.0.0.1", 0)
PROMPT_SECONDS = 1.0  # Kubernetes waits 3 s for an answer


def never_well() -> None:
    raise NotWell("draining")


@pytest.fixture
def serve() -> Iterator[Callable[..., ProbeServer]]:
    with contextlib.ExitStack() as stack:

        def start(**pages: probe_server.Page) -> ProbeServer:
            server = ProbeServer(LOOPBACK, {f"/{name}": page for name, page in pages.items()})
            server.start()
            stack.callback(server.close)
            return server

        yield start


def ask(server: ProbeServer, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sent:
        sent.sendall(request)
        return b"".join(iter(lambda: sent.recv(65_536), b""))


def get(server: ProbeServer, path: str) -> bytes:
    return ask(server, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())


def test_a_check_answers_200_or_503_with_its_reason(serve: Callable[..., ProbeServer]) -> None:
    server = serve(healthz=check(lambda: None), readyz=check(never_well))
    assert get(server, "/healthz").startswith(b"HTTP/1.1 200 OK\r\n")
    answer = get(server, "/readyz?verbose=1")
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert answer.endswith(b"\r\n\r\ndraining\n")
    assert b"no-store" in answer
    assert ask(server, b"HEAD /healthz HTTP/1.0\r\n\r\n").endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /nothing HTTP/1.0\r\n\r\n", 404),
        (b"GET /%2e%2e/healthz HTTP/1.0\r\n\r\n", 404),
        (b"GET /\xff\xfe HTTP/1.0\r\n\r\n", 404),
        (b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n123456789", 405),
        (b"GET /healthz\r\n\r\n", 400),
        (b"\x16\x03\x01\r\n\r\n", 400),
        (b"G" * probe_connection.REQUEST_BYTES, 400),
        (b"G" * 8 * probe_connection.REQUEST_BYTES, 400),
        (b"GET /healthz HTTP/1.1\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nhost: y\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.9\r\nHost: x\r\n\r\n", 505),
        (b"GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        (b"GET /healthz HTTP/1.1x\r\nHost: x\r\n\r\n", 400),
    ],
)
def test_what_is_not_a_probe_is_refused(
    serve: Callable[..., ProbeServer], request_: bytes, status: int
) -> None:
    server = serve(healthz=check(lambda: None))
    assert ask(server, request_).startswith(f"HTTP/1.1 {status} ".encode())


SLOW = {
    "silent": (b"", b""),
    "a byte now and then": (b"GET ", b"x"),
    "half a request": (b"GET /healthz HTTP/1.1\r\nHost: x\r\n", b""),
    "does not read": (b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n", b""),
    "stays": (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b""),
}


@pytest.mark.parametrize(("sent", "then"), SLOW.values(), ids=SLOW)
@pytest.mark.parametrize("number", [24, 3 * probe_server.CONNECTIONS_MAX])
def test_slow_clients_do_not_keep_others_out(
    serve: Callable[..., ProbeServer], number: int, sent: bytes, then: bytes
) -> None:
    large = Answer(HTTPStatus.OK, b"x" * 1_000_000)
    server = serve(healthz=check(lambda: None), large=lambda: large)
    with contextlib.ExitStack() as stack:
        crowd = []
        for _ in range(number):
            client = socket.create_connection(("127.0.0.1", server.port), timeout=10)
            crowd.append(stack.enter_context(client))
            client.sendall(sent)
        for _ in range(10):
            for client in crowd:
                with contextlib.suppress(OSError):  # the server closes some connections
                    client.send(then)
            began = time.monotonic()
            assert get(server, "/healthz").startswith(b"HTTP/1.1 200 ")
            assert time.monotonic() - began < PROMPT_SECONDS


def test_slow_clients_are_dropped(
    serve: Callable[..., ProbeServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe_connection, "REQUEST_SECONDS", 0.3)
    monkeypatch.setattr(probe_connection, "ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(probe_connection, "LINGER_SECONDS", 0.3)
    large = Answer(HTTPStatus.OK, b"x" * 8_000_000)
    server = serve(healthz=check(lambda: None), large=lambda: large)
    with contextlib.ExitStack() as stack:
        crowd = []
        for sent, _ in SLOW.values():
            client = socket.create_connection(("127.0.0.1", server.port), timeout=10)
            crowd.append(stack.enter_context(client))
            client.sendall(sent)
        wait_until(lambda: not server.connections, timeout=10, describe="all to be dropped")


def test_an_answer_larger_than_any_buffer_arrives_whole(serve: Callable[..., ProbeServer]) -> None:
    large = Answer(HTTPStatus.OK, b"x" * 8_000_000)
    server = serve(metrics=lambda: large)
    assert get(server, "/metrics").endswith(b"\r\n\r\n" + large.body)


def test_those_who_ask_for_a_page_that_hangs_cost_one_thread_and_get_one_answer(
    serve: Callable[..., ProbeServer],
) -> None:
    made, end = [], threading.Event()

    def slow() -> Answer:
        made.append(1)
        end.wait(20)
        return Answer(HTTPStatus.OK, b"made")

    server = serve(metrics=slow, healthz=check(lambda: None))
    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(get, server, "/metrics") for _ in range(20)]
        wait_until(lambda: server.connections == 20, timeout=10, describe="all to have asked")
        assert get(server, "/healthz").startswith(b"HTTP/1.1 200 ")
        end.set()
        assert {one.result(10)[-4:] for one in asked} == {b"made"}
    assert len(made) == 1


def test_clients_start_one_thread_for_each_page(serve: Callable[..., ProbeServer]) -> None:
    """If clients could start threads, a process would run out of them, or fork while they run."""
    end = threading.Event()

    def hangs() -> Answer:
        end.wait(20)
        return Answer(HTTPStatus.OK, b"")

    server = serve(metrics=hangs, healthz=check(lambda: None))
    before = set(threading.enumerate())
    with contextlib.ExitStack() as stack:
        stack.callback(end.set)
        for sent in [b"GET /metrics HTTP/1.0\r\n\r\n"] * 30 + [b"GET /"] * 30:
            client = socket.create_connection(("127.0.0.1", server.port), timeout=10)
            stack.enter_context(client).sendall(sent)
        wait_until(lambda: server.connections == 60, timeout=10, describe="all to be connected")
        assert get(server, "/healthz").startswith(b"HTTP/1.1 200 ")

        def started() -> list[str]:
            return [thread.name for thread in set(threading.enumerate()) - before]

        # The thread of /healthz ends shortly after its answer.
        wait_until(lambda: started() == ["page"], timeout=10, describe=started)


def test_a_client_that_sends_no_more_still_gets_its_answer(
    serve: Callable[..., ProbeServer],
) -> None:
    server = serve(healthz=check(lambda: None))
    for sent, status in ((b"GET /healthz HTTP/1.0\r\n\r\n", b"200"), (b"GET /hea", b"400")):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            assert client.recv(65_536).split(b" ")[1] == status


def test_a_page_that_fails_does_not_end_the_server(serve: Callable[..., ProbeServer]) -> None:
    def fails() -> Answer:
        raise ZeroDivisionError

    server = serve(metrics=fails, healthz=check(lambda: None))
    assert get(server, "/metrics").startswith(b"HTTP/1.1 500 ")
    assert get(server, "/healthz").startswith(b"HTTP/1.1 200 ")


def test_a_slow_page_does_not_hold_up_another(serve: Callable[..., ProbeServer]) -> None:
    begun, end = threading.Event(), threading.Event()

    def slow() -> Answer:
        begun.set()
        end.wait(20)
        return Answer(HTTPStatus.OK, b"")

    server = serve(metrics=slow, healthz=check(lambda: None))
    asking = threading.Thread(target=get, args=(server, "/metrics"))
    asking.start()
    assert begun.wait(10)
    assert get(server, "/healthz").startswith(b"HTTP/1.1 200 ")
    end.set()
    asking.join(10)


def test_an_address_that_is_taken_is_refused_by_name(serve: Callable[..., ProbeServer]) -> None:
    taken = serve(healthz=check(lambda: None)).port
    with pytest.raises(errors.SettingsError, match=f"PROBE_BIND='127.0.0.1:{taken}' cannot"):
        ProbeServer(ProbeAddress("127.0.0.1", taken), {})


def test_the_probe_command_tells_by_its_exit_code(serve: Callable[..., ProbeServer]) -> None:
    server = serve(healthz=check(lambda: None), readyz=check(never_well))
    assert probe.request(f"http://127.0.0.1:{server.port}/healthz") == (True, "ok")
    assert probe.request("http://127.0.0.1:1/healthz")[0] is False
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "crawljobs.probe", f"http://127.0.0.1:{server.port}/readyz"],
        env={"PYTHONPATH": str(ROOT / "shared")},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (1, "draining\n")


def test_a_page_whose_thread_cannot_start_is_built_at_the_next_request(
    serve: Callable[..., ProbeServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(healthz=check(lambda: None))

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        assert get(server, "/healthz").startswith(b"HTTP/1.1 503 ")
    assert get(server, "/healthz").startswith(b"HTTP/1.1 200 ")


def test_a_forked_process_keeps_no_socket_of_a_connection_that_waits_for_its_page(
    serve: Callable[..., ProbeServer],
) -> None:
    begun, end = threading.Event(), threading.Event()

    def slow() -> Answer:
        begun.set()
        end.wait(20)
        return Answer(HTTPStatus.OK, b"")

    server = serve(metrics=slow)
    read_end, write_end = os.pipe()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        assert begun.wait(10)
        child = os.fork()
        if not child:
            server.abandon()
            open_sockets = [
                one
                for one in psutil.Process().net_connections("tcp")
                if one.laddr.port == server_port(client)
            ]
            os.write(write_end, b"%d" % len(open_sockets))
            os._exit(0)
        os.waitpid(child, 0)
        end.set()
    assert os.read(read_end, 10) == b"0"
    os.close(read_end)
    os.close(write_end)


def server_port(client: socket.socket) -> int:
    return int(client.getpeername()[1])
