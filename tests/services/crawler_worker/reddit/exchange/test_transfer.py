"""HTTP exchanges with a hostile server end with a bounded reply or with UpstreamTrouble."""

import contextlib
import gzip
import random
import socket
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator

import pytest

from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.exchange import sockets, transfer
from support import scripted_server
from support.counted import counted
from support.exchanges import HEAD, raw_server
from support.scripted_server import Exchange


@contextlib.contextmanager
def transport(threads: int = 2) -> Iterator[transfer.Transport]:
    made = transfer.Transport(user_agent="tests", threads=threads)
    try:
        yield made
    finally:
        made.close()


def fetch(script: Callable[[Exchange], None]) -> transfer.Exchange:
    with (
        scripted_server.serve(script) as url,
        transport() as http,
    ):
        return http.send(transfer.Request("GET", f"{url}/"))


def test_a_compressed_reply_is_unpacked() -> None:
    packed = gzip.compress(b'{"kind": "t5"}')
    reply = fetch(lambda it: it.send(200, packed, content_encoding="gzip", X_Ratelimit_Used="3"))
    assert (reply.status, reply.content) == (200, b'{"kind": "t5"}')
    assert reply.headers["x-ratelimit-used"] == "3"


def test_gzip_is_asked_for_under_our_own_name() -> None:
    asked: list[dict[str, str]] = []

    def answer(it: Exchange) -> None:
        asked.append({name.lower(): value for name, value in it.headers.items()})
        it.send(200, b"{}")

    fetch(answer)
    assert asked[0]["accept-encoding"] == "gzip"
    assert asked[0]["user-agent"] == "tests"


def test_a_request_shows_no_token_and_no_body() -> None:
    headers = {"Authorization": "bearer hush"}
    request = transfer.Request("POST", "https://reddit.test/", headers, b"secret=hush")
    assert "hush" not in repr(request)


class Span:
    def __init__(self) -> None:
        self.attributes: dict[str, object] = {}
        self.failed: list[str] = []

    def set_attributes(self, attributes: dict[str, object]) -> None:
        self.attributes |= attributes

    def fail(self, why: str) -> None:
        self.failed.append(why)


@pytest.mark.parametrize(
    ("status", "failed"), [(200, []), (302, []), (400, ["400"]), (404, ["404"]), (503, ["503"])]
)
def test_a_trace_shows_the_status_and_an_error_fails_its_span(
    monkeypatch: pytest.MonkeyPatch, status: int, failed: list[str]
) -> None:
    span = Span()

    @contextlib.contextmanager
    def open_span(name: str, _kind: object, *, attributes: dict[str, object]) -> Iterator[Span]:
        span.attributes |= {"name": name, **attributes}
        yield span

    monkeypatch.setattr(transfer.tracing, "span", open_span)
    assert fetch(lambda it: it.send(status, b"{}")).status == status
    assert span.failed == failed
    assert span.attributes == {
        "name": "GET other",
        "http.request.method": "GET",
        "server.address": "127.0.0.1",
        "http.response.status_code": status,
    }


def test_a_redirect_is_not_followed() -> None:
    asked: list[str] = []

    def answer(it: Exchange) -> None:
        asked.append(it.path)
        it.send(302, b"", location="/elsewhere")

    assert fetch(answer).status == 302
    assert asked == ["/"]


def test_a_gzip_bomb_is_refused_before_it_unfolds() -> None:
    bomb = zlib.compressobj(1, wbits=31)
    packed = b"".join(bomb.compress(bytes(1 << 20)) for _ in range(200)) + bomb.flush()
    assert len(packed) < 2 << 20  # 200 MiB of zeros take less than 2 MiB
    tracemalloc.start()
    try:
        with pytest.raises(crawl_failures.UpstreamTrouble, match="more than 8 MiB"):
            fetch(lambda it: it.send(200, packed, content_encoding="gzip"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 32 << 20


def test_a_gzip_bomb_behind_a_good_beginning_unfolds_to_what_is_left_of_the_bound() -> None:
    """The first 7 MiB of 8 MiB are used up.

    Each further compressed piece would unpack to 60 MiB.
    """
    compressed = zlib.compressobj(9, wbits=31)
    beginning = random.Random(1).randbytes(7 << 20)
    packed = compressed.compress(beginning) + compressed.compress(bytes(200 << 20))
    packed += compressed.flush()
    tracemalloc.start()
    try:
        with pytest.raises(crawl_failures.UpstreamTrouble, match="more than 8 MiB"):
            fetch(lambda it: it.send(200, packed, content_encoding="gzip"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20


def test_a_reply_without_end_is_refused() -> None:
    def answer(it: Exchange) -> None:
        it.start(200, connection="close")
        while True:
            it.wfile.write(bytes(1 << 20))

    with pytest.raises(crawl_failures.UpstreamTrouble, match="more than 8 MiB"):
        fetch(answer)


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "zstd"])
def test_an_encoding_that_was_not_asked_for_is_refused(encoding: str) -> None:
    with pytest.raises(crawl_failures.UpstreamTrouble, match="encoding"):
        fetch(lambda it: it.send(200, b"x", content_encoding=encoding))


@pytest.mark.parametrize(
    "answer",
    [
        lambda it: it.send(200, b"no gzip at all", content_encoding="gzip"),
        lambda it: it.send(200, gzip.compress(b"x" * 9_999)[:-20], content_encoding="gzip"),
        lambda it: it.send(200, b"half", **{"content-length": "9999", "connection": "close"}),
        lambda it: it.wfile.write(b"not HTTP\r\n\r\n"),
        lambda it: it.connection.shutdown(2),
    ],
)
def test_whatever_goes_wrong_on_the_way_is_upstream_trouble(
    answer: Callable[[Exchange], None],
) -> None:
    def closing(it: Exchange) -> None:
        answer(it)
        it.close_connection = True

    with pytest.raises(crawl_failures.UpstreamTrouble):
        fetch(closing)


def test_nobody_listening_is_upstream_trouble() -> None:
    with scripted_server.serve(lambda it: it.send(200, b"")) as url:
        pass
    with transport() as http, pytest.raises(crawl_failures.Unreachable, match="refused") as caught:
        http.send(transfer.Request("GET", f"{url}/"))
    assert caught.value.cause is crawl_failures.Cause.REFUSED
    assert "refused" in caught.value.detail


def test_a_reply_that_drips_is_cut_off_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "EXCHANGE_SECONDS", 0.2)
    done = threading.Event()

    def answer(it: Exchange) -> None:
        it.start(200, connection="close")
        while not done.wait(0.02):
            it.wfile.write(b" ")

    try:
        with pytest.raises(crawl_failures.UpstreamTrouble, match="no whole reply"):
            fetch(answer)
    finally:
        done.set()


def test_a_refused_reply_closes_its_connection_while_its_error_is_kept() -> None:
    closed = threading.Event()

    def endless(it: Exchange) -> None:
        try:
            it.drip(bytes(1 << 20), before=b"HTTP/1.1 200 OK\r\n\r\n")
        except ConnectionError:
            closed.set()
            raise

    with scripted_server.serve(endless) as url, transport() as http:
        with pytest.raises(crawl_failures.UpstreamTrouble, match="more than 8 MiB") as caught:
            http.send(transfer.Request("GET", f"{url}/"))
        assert closed.wait(10), caught  # the traceback still refers to the reply


def test_no_thread_waits_for_the_connection_of_another() -> None:
    count = 110
    all_have_come = threading.Barrier(count)
    replies: list[int] = []

    def answer(it: Exchange) -> None:
        all_have_come.wait(10)
        it.send(200, b"{}")

    with (
        scripted_server.serve(answer) as url,
        transport(count) as http,
    ):

        def ask() -> None:
            replies.extend(http.send(transfer.Request("GET", f"{url}/")).status for _ in range(2))

        threads = [threading.Thread(target=ask) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert replies == [200] * (2 * count)


def test_a_reply_that_cannot_be_used_counts_as_no_reply() -> None:
    with counted() as grown, pytest.raises(crawl_failures.UpstreamTrouble, match="encoding"):
        fetch(lambda it: it.send(200, b"x", content_encoding="br"))
    assert grown == {"reddit_requests_total{other,none}": 1}


def test_a_long_silence_counts_as_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends the exchange, although time is left for other pieces of the reply."""
    monkeypatch.setattr(sockets, "READ_SECONDS", 0.1)
    done = threading.Event()

    def be_silent(_it: Exchange) -> None:
        done.wait(20)

    with scripted_server.serve(be_silent) as url, transport() as http, counted() as grown:
        with pytest.raises(crawl_failures.UpstreamTrouble, match="no reply from Reddit"):
            http.send(transfer.Request("GET", f"{url}/"))
        done.set()
    assert grown == {"reddit_requests_total{other,timeout}": 1}


def test_the_cause_of_a_failed_connection_may_lie_behind_another_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_host: str, _port: int) -> socket.socket:
        error = OSError("no connection")
        error.__context__ = ConnectionRefusedError()
        raise error

    monkeypatch.setattr(sockets, "connect", refuse)
    with pytest.raises(crawl_failures.Unreachable) as caught:
        fetch(lambda it: it.send(200, b""))
    assert caught.value.cause is crawl_failures.Cause.REFUSED


def test_a_closed_transport_closes_its_connections() -> None:
    closed = threading.Event()

    def serve(it: socket.socket) -> None:
        it.recv(65_536)
        it.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")
        if it.recv(1) == b"":
            closed.set()

    with raw_server(serve) as port, transport() as http:
        assert http.send(transfer.Request("GET", f"http://127.0.0.1:{port}/")).status == 200
        assert not closed.is_set()
        http.close()
        assert closed.wait(20)
