"""Servers and proxies may send too slowly. Every wait has a deadline."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.crawl_failures import Cause
from crawler_worker.reddit.exchange import large_replies, reply_body, sockets, transfer
from support import certificates, scripted_server
from support.exchanges import HEAD, fetch, get, raw_server, through, transport

CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

DRIPS: dict[str, tuple[bytes, bytes]] = {
    "the status line": (b"HTTP/1.1 ", b"2"),
    "a header line": (HEAD + b"X-A: ", b"a"),
    "the header lines": (HEAD, b"X: a\r\n"),
    "informational replies": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "early hints": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
    "a chunk's extension": (CHUNKED + b"5;a=", b"a"),
    "a chunk's size": (CHUNKED, b"0"),
    "a chunk": (CHUNKED + b"fffff\r\n", b"a"),
    "chunks": (CHUNKED, b"1\r\na\r\n"),
    "the trailers": (CHUNKED + b"1\r\na\r\n0\r\n", b"X: a\r\n"),
    "a body of a known length": (HEAD + b"Content-Length: 99999\r\n\r\n", b" "),
    "a body without a length": (HEAD + b"\r\n", b" "),
    "a reply that is not 200": (b"HTTP/1.1 503 Busy\r\n\r\n", b" "),
}


@pytest.fixture
def soon_over(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(transfer, "EXCHANGE_SECONDS", 0.15)
    started = time.monotonic()
    yield
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("place", DRIPS)
@pytest.mark.usefixtures("soon_over")
def test_a_reply_that_drips_anywhere_ends_at_the_deadline(place: str) -> None:
    before, piece = DRIPS[place]
    with pytest.raises(crawl_failures.UpstreamTrouble, match="no whole reply within"):
        fetch(lambda it: it.drip(piece, before=before))


@pytest.mark.usefixtures("soon_over")
def test_a_server_that_takes_the_request_byte_by_byte_is_left_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, transport() as http:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(crawl_failures.UpstreamTrouble):
            http.send(transfer.Request("POST", f"{url}/", body=bytes(1 << 24)))


@pytest.mark.usefixtures("soon_over")
def test_a_handshake_that_drips_ends_at_the_deadline() -> None:
    def drip(it: socket.socket) -> None:
        it.sendall(b"\x16\x03\x03\x40\x00")  # the header of a record of 16 KiB
        while True:
            it.sendall(b"\x02")
            threading.Event().wait(0.02)

    with raw_server(drip) as port, transport(context=sockets.tls(None, None)) as http:
        with pytest.raises(crawl_failures.Unreachable) as caught:
            get(http, f"https://127.0.0.1:{port}")
        assert caught.value.cause is Cause.TIMEOUT


@pytest.mark.parametrize(
    ("before", "piece"), [(b"HTTP/1.1", b" "), (HEAD, b"X: 1\r\n"), (HEAD + b"X: ", b"1")]
)
@pytest.mark.usefixtures("soon_over")
def test_a_proxy_that_drips_ends_at_the_deadline(before: bytes, piece: bytes) -> None:
    with (
        scripted_server.serve(lambda it: it.drip(piece, before=before)) as proxy,
        through(proxy) as http,
        pytest.raises(crawl_failures.Unreachable) as caught,
    ):
        get(http, "https://reddit.test")
    assert caught.value.cause is Cause.PROXY


@pytest.mark.usefixtures("soon_over")
def test_a_resolver_that_hangs_is_left_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: released.wait(10) and [])
    try:
        with transport() as http, pytest.raises(crawl_failures.Unreachable) as caught:
            get(http, "http://reddit.test")
    finally:
        released.set()
    assert caught.value.cause is Cause.TIMEOUT


def test_a_large_reply_that_drips_holds_its_turn_for_a_short_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reply_body, "LARGE_SECONDS", 0.2)
    large = HEAD + b"Content-Length: 9999999\r\n\r\n" + bytes(large_replies.LARGE_BYTES + 1)
    # The client checks the deadline only after a whole further piece.
    large += bytes(reply_body.PIECE_BYTES)
    began = time.monotonic()
    with pytest.raises(crawl_failures.UpstreamTrouble, match="no whole reply"):
        fetch(lambda it: it.drip(b" ", before=large))
    assert time.monotonic() - began < 10


@pytest.fixture(scope="module")
def secured(module_folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Return a certificate file for localhost, and a server's TLS context that uses it."""
    made = certificates.make(module_folder, "DNS:localhost", "IP:127.0.0.1")
    return made.file, made.context


@pytest.mark.parametrize("place", ["a header line", "a chunk's extension", "the trailers"])
def test_a_reply_that_drips_inside_tls_ends_at_the_deadline(
    secured: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    certificate, context = secured
    before, piece = DRIPS[place]

    def drip(it: socket.socket) -> None:
        with context.wrap_socket(it, server_side=True) as inside:
            inside.sendall(before)
            while True:
                inside.sendall(piece)
                threading.Event().wait(0.02)

    with (
        raw_server(drip) as port,
        transport(context=sockets.tls(str(certificate), None)) as http,
    ):
        monkeypatch.setattr(transfer, "EXCHANGE_SECONDS", 0.5)
        began = time.monotonic()
        with pytest.raises(crawl_failures.UpstreamTrouble, match="no whole reply within"):
            get(http, f"https://localhost:{port}")
        assert time.monotonic() - began < 5
