"""Servers and proxies that would hold a worker for ever, fill its memory, or mix up its replies."""

import contextlib
import gzip
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.crawl_failures import Cause
from crawler_worker.reddit.exchange import large_replies, reply_body, sockets, transfer
from support import certificates, scripted_server
from support.scripted_server import Exchange
from support.waiting import wait_until

HEAD = b"HTTP/1.1 200 OK\r\n"
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


@contextlib.contextmanager
def transport(**options: object) -> Iterator[transfer.Transport]:
    made = transfer.Transport(user_agent="tests", threads=2, **options)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        made.close()


def get(http: transfer.Transport, url: str) -> transfer.Exchange:
    return http.send(transfer.Request("GET", f"{url}/"))


def fetch(script: Callable[[Exchange], None]) -> transfer.Exchange:
    with scripted_server.serve(script) as url, transport() as http:
        return get(http, url)


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
        it.sendall(b"\x16\x03\x03\x40\x00")  # a record of 16 KiB begins
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


def test_informational_replies_are_skipped_and_no_reply_is_taken_for_the_next_one() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    ports: set[int] = set()

    def answer(it: Exchange) -> None:
        ports.add(it.client_address[1])
        it.wfile.write(hints)
        it.send(200, it.path.encode())

    with scripted_server.serve(answer) as url, transport() as http:
        for path in ("/first", "/second"):
            reply = http.send(transfer.Request("GET", url + path))
            assert (reply.status, reply.content) == (200, path.encode())
    assert len(ports) == 1  # over one connection


@pytest.mark.parametrize(
    "head",
    [
        b"X: " + b"a" * 100_000 + b"\r\n\r\n",
        b"X: a\r\n" * 20_000 + b"\r\n",
        b"X: a\r\n" + b" b\r\n" * 20_000 + b"\r\n",
        b"\r\n" + b"HTTP/1.1 100 Continue\r\n\r\n" * 5_000,
        b"Set-Cookie: a="
        + b"a" * 8_000
        + b"\r\n"
        + b"Set-Cookie: b="
        + b"b" * 60_000
        + b"\r\n\r\n",
    ],
)
def test_a_flood_of_headers_is_refused(head: bytes) -> None:
    start = b"HTTP/1.1 100 Continue\r\n" if head.startswith(b"\r\n") else HEAD

    def answer(it: Exchange) -> None:
        it.close_connection = True
        it.wfile.write(start + head)

    with pytest.raises(crawl_failures.UpstreamTrouble, match="no reply"):
        fetch(answer)


@pytest.mark.parametrize(
    "size", [b"-1", b"+5", b"0x5", b"5_0", b"", b"g", b"f" * 20, b"5;" + b"a" * 100_000]
)
def test_a_chunk_of_an_odd_size_is_refused_and_not_read_to_the_end(size: bytes) -> None:
    """Python's own reader takes -1 for all that comes until the connection ends."""

    def answer(it: Exchange) -> None:
        it.close_connection = True
        it.wfile.write(CHUNKED + size + b"\r\n")
        for _ in range(64):
            it.wfile.write(bytes(1 << 20))

    tracemalloc.start()
    try:
        with pytest.raises(crawl_failures.UpstreamTrouble):
            fetch(answer)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("tail", [b"\0" * (1 << 20), gzip.compress(b"more", mtime=0), b"x"])
def test_what_follows_a_compressed_reply_is_refused(tail: bytes) -> None:
    """It would be kept, by each piece copied again, and counted nowhere."""
    packed = gzip.compress(bytes(range(256)) * 1_000) + tail

    def answer(it: Exchange) -> None:
        it.close_connection = True
        it.start(200, content_encoding="gzip", connection="close")
        for part in (packed, *[tail] * 20):
            it.wfile.write(part)
            it.wfile.flush()

    with pytest.raises(crawl_failures.UpstreamTrouble):
        fetch(answer)


def test_compressed_data_that_unpacks_to_nothing_has_an_end() -> None:
    nothing = b"\x00\x00\x00\xff\xff" * 13_000  # empty blocks of deflate
    head = gzip.compress(b"")[:10]

    def answer(it: Exchange) -> None:
        it.start(200, content_encoding="gzip", connection="close")
        it.wfile.write(head)
        while True:
            it.wfile.write(nothing)

    with pytest.raises(crawl_failures.UpstreamTrouble, match="more than 8 MiB"):
        fetch(answer)


def test_no_cookie_is_kept() -> None:
    asked: list[str | None] = []

    def answer(it: Exchange) -> None:
        asked.append(it.headers.get("cookie"))
        it.send(200, b"{}", set_cookie=f"c{len(asked)}={'x' * 4_000}; Path=/; Max-Age=99999")

    with scripted_server.serve(answer) as url, transport() as http:
        for _ in range(3):
            get(http, url)
    assert asked == [None] * 3


def test_of_a_page_of_errors_the_beginning_is_read() -> None:
    def answer(it: Exchange) -> None:
        it.start(403, connection="close")
        while True:
            it.wfile.write(b"<p>blocked</p>" * 1_000)

    reply = fetch(answer)
    assert reply.status == 403
    assert len(reply.content) == reply_body.ERROR_MAX_BYTES


def test_a_connection_whose_reply_was_not_read_to_its_end_is_not_used_again() -> None:
    ports: list[int] = []

    def answer(it: Exchange) -> None:
        ports.append(it.client_address[1])
        it.send(403 if len(ports) == 1 else 200, bytes(1 << 20) if len(ports) == 1 else b"{}")

    with scripted_server.serve(answer) as url, transport() as http:
        assert [get(http, url).status for _ in range(3)] == [403, 200, 200]
    assert ports[0] != ports[1]
    assert ports[1] == ports[2]


def test_a_second_large_reply_waits_until_the_first_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = bytes(large_replies.LARGE_BYTES + 1)
    with scripted_server.serve(lambda it: it.send(200, content)) as url, transport() as http:
        get(http, url)
        get(http, url)  # the same thread has its turn already
        replies: list[object] = []

        def second() -> None:
            replies.append(get(http, url).status)

        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.2)
        assert not replies
        http.large.leave()
        thread.join(10)
        assert replies == [200]
        # That thread ended without giving its turn back.
        monkeypatch.setattr(transfer, "EXCHANGE_SECONDS", 0.3)
        with pytest.raises(crawl_failures.SlotTooLate):
            get(http, url)


def test_a_large_reply_that_drips_holds_its_turn_for_a_short_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reply_body, "LARGE_SECONDS", 0.2)
    large = HEAD + b"Content-Length: 9999999\r\n\r\n" + bytes(large_replies.LARGE_BYTES + 1)
    # One piece more must be whole before the deadline is looked at.
    large += bytes(reply_body.PIECE_BYTES)
    began = time.monotonic()
    with pytest.raises(crawl_failures.UpstreamTrouble, match="no whole reply"):
        fetch(lambda it: it.drip(b" ", before=large))
    assert time.monotonic() - began < 10


def test_a_server_behind_a_proxy_that_speaks_no_tls_is_not_called_a_broken_proxy() -> None:
    def answer(it: Exchange) -> None:
        it.close_connection = True
        it.wfile.write(HEAD + b"\r\nno TLS at all\r\n")

    with (
        scripted_server.serve(answer) as proxy,
        through(proxy) as http,
        pytest.raises(crawl_failures.Unreachable) as caught,
    ):
        get(http, "https://reddit.test")
    assert caught.value.cause is Cause.TLS


def test_the_cause_of_a_failed_connection_is_named(tmp_path: Path) -> None:
    with (
        transport() as http,
        pytest.raises(crawl_failures.Unreachable, match="unknown host") as caught,
    ):
        get(http, "http://no-such-host.invalid")
    assert caught.value.cause is Cause.UNKNOWN_HOST
    with (
        raw_server(lambda it: it.sendall(b"no TLS\r\n")) as port,
        transport(context=sockets.tls(None, None)) as http,
        pytest.raises(crawl_failures.Unreachable, match="tls") as caught,
    ):
        get(http, f"https://127.0.0.1:{port}")
    assert caught.value.cause is Cause.TLS
    with (
        scripted_server.serve(lambda it: it.send(407, b"")) as proxy,
        through(proxy) as http,
        pytest.raises(crawl_failures.Unreachable, match="proxy") as caught,
    ):
        get(http, "https://reddit.test")
    assert (caught.value.cause, "407" in caught.value.detail) == (Cause.PROXY, True)
    with (
        through("http://127.0.0.1:9") as http,
        pytest.raises(crawl_failures.Unreachable, match="proxy"),
    ):
        get(http, "https://reddit.test")


@pytest.fixture(scope="module")
def secured(module_folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for localhost, and the context of a server that shows it."""
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


def test_a_certificate_is_checked_against_the_given_file(
    secured: tuple[Path, ssl.SSLContext],
) -> None:
    certificate, context = secured

    def answer(it: socket.socket) -> None:
        with context.wrap_socket(it, server_side=True) as inside:
            inside.recv(4096)
            inside.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")

    with raw_server(answer) as port:
        url = f"https://localhost:{port}"
        with transport(context=sockets.tls(str(certificate), None)) as http:
            assert get(http, url).content == b"{}"
        with (
            transport(context=sockets.tls(None, None)) as http,
            pytest.raises(crawl_failures.Unreachable, match="certificate") as caught,
        ):
            get(http, url)
        assert caught.value.cause is Cause.CERTIFICATE


def test_a_proxy_is_given_its_credentials_and_the_host_alone() -> None:
    asked: list[tuple[str, str, str | None]] = []

    def answer(it: Exchange) -> None:
        asked.append((it.command, it.path, it.headers.get("proxy-authorization")))
        it.send(407, b"")

    with (
        scripted_server.serve(answer) as proxy,
        through(proxy.replace("//", "//ada:p%40ss@")) as http,
        pytest.raises(crawl_failures.Unreachable),
    ):
        get(http, "https://reddit.test")
    assert asked == [("CONNECT", "reddit.test:443", "Basic YWRhOnBAc3M=")]


def test_a_proxy_of_plain_http_is_asked_for_the_whole_address() -> None:
    asked: list[tuple[str, str | None]] = []

    def answer(it: Exchange) -> None:
        asked.append((it.path, it.headers.get("proxy-authorization")))
        it.send(200, b"{}")

    with (
        scripted_server.serve(answer) as proxy,
        transport(proxies={"http://reddit.test": proxy.replace("//", "//ada:p%40ss@")}) as http,
    ):
        assert get(http, "http://reddit.test").content == b"{}"
    assert asked == [("http://reddit.test/", "Basic YWRhOnBAc3M=")]


def test_a_connection_that_the_server_has_closed_meanwhile_is_not_used_again() -> None:
    """It says nothing of it in the reply, as load balancers do that restart."""
    closed = threading.Event()

    def answer(it: socket.socket) -> None:
        it.recv(4096)
        it.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")
        it.shutdown(socket.SHUT_RDWR)
        closed.set()

    with raw_server(answer) as port, transport() as http:
        for _ in range(5):
            assert get(http, f"http://127.0.0.1:{port}").content == b"{}"
            assert closed.wait(5)
            closed.clear()


@contextlib.contextmanager
def through(proxy: str) -> Iterator[transfer.Transport]:
    proxies = {"https://reddit.test": proxy}
    with transport(proxies=proxies, context=sockets.tls(None, None)) as http:
        yield http


@contextlib.contextmanager
def raw_server(script: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that speaks as `script` does, connection by connection; its port."""
    served: list[threading.Thread] = []

    def serve_one(it: socket.socket) -> None:
        with it, contextlib.suppress(OSError):
            script(it)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                thread = threading.Thread(target=serve_one, args=(connection,), daemon=True)
                thread.start()
                served.append(thread)

    with socket.create_server(("127.0.0.1", 0)) as server:
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            accepting.join(5)
            wait_until(
                lambda: not any(thread.is_alive() for thread in served),
                timeout=5,
                describe="the end of the server's connections",
            )
