"""Hostile servers and proxies cannot block a worker, fill its memory or mix up its replies."""

import gzip
import socket
import threading
import tracemalloc

import pytest

from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.exchange import large_replies, reply_body, transfer
from support import scripted_server
from support.exchanges import HEAD, fetch, get, raw_server, transport
from support.scripted_server import Exchange

CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def test_informational_replies_are_skipped_and_no_reply_is_taken_for_the_next_one() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    hints += b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 199 Unknown\r\n\r\n"
    ports: set[int] = set()

    def answer(it: Exchange) -> None:
        ports.add(it.client_address[1])
        it.wfile.write(hints)
        it.send(200, it.path.encode())

    with scripted_server.serve(answer) as url, transport() as http:
        for path in ("/first", "/second"):
            reply = http.send(transfer.Request("GET", url + path))
            assert (reply.status, reply.content) == (200, path.encode())
    assert len(ports) == 1  # both requests used one connection


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
    """Python's own reader treats a size of -1 as everything up to the end of the connection."""

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
    """Further data would be copied again with each piece, and no limit would count it."""
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
    nothing = b"\x00\x00\x00\xff\xff" * 13_000  # empty blocks of the deflate format
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
        get(http, url)  # this thread already holds the turn for large replies
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
        # The other thread ended while it held the turn.
        monkeypatch.setattr(transfer, "EXCHANGE_SECONDS", 0.3)
        with pytest.raises(crawl_failures.SlotTooLate):
            get(http, url)


def test_a_connection_that_the_server_has_closed_meanwhile_is_not_used_again() -> None:
    """The reply does not announce the close. Load balancers that restart do the same."""
    closed = threading.Event()

    def answer(it: socket.socket) -> None:
        it.recv(4096)
        it.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")
        it.shutdown(socket.SHUT_RDWR)
        closed.set()

    with raw_server(answer) as port, transport() as http:
        for _ in range(5):
            assert get(http, f"http://127.0.0.1:{port}").content == b"{}"
            assert closed.wait(20)
            closed.clear()
