"""One HTTP exchange against a server that means us no good."""

import gzip
import threading
import tracemalloc
import zlib
from collections.abc import Callable

import httpx
import pytest

from crawler_worker.reddit import failures, transfer
from support import scripted_server
from support.scripted_server import Exchange


def fetch(script: Callable[[Exchange], None]) -> transfer.Exchange:
    with (
        scripted_server.serve(script) as url,
        transfer.open_client(user_agent="tests", address=url) as http,
    ):
        return transfer.exchange(http, http.build_request("GET", url))


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
    assert len(packed) < 2 << 20  # 200 MiB in one or two
    tracemalloc.start()
    try:
        with pytest.raises(failures.UpstreamTrouble, match="more than 8 MiB"):
            fetch(lambda it: it.send(200, packed, content_encoding="gzip"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 32 << 20


def test_a_reply_without_end_is_refused() -> None:
    def answer(it: Exchange) -> None:
        it.start(200, connection="close")
        while True:
            it.wfile.write(bytes(1 << 20))

    with pytest.raises(failures.UpstreamTrouble, match="more than 8 MiB"):
        fetch(answer)


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "zstd"])
def test_an_encoding_that_was_not_asked_for_is_refused(encoding: str) -> None:
    with pytest.raises(failures.UpstreamTrouble, match="encoding"):
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

    with pytest.raises(failures.UpstreamTrouble):
        fetch(closing)


def test_nobody_listening_is_upstream_trouble() -> None:
    with scripted_server.serve(lambda it: it.send(200, b"")) as url:
        pass
    with (
        transfer.open_client(user_agent="tests", address=url) as http,
        pytest.raises(failures.Unreachable, match="ConnectError"),
    ):
        transfer.exchange(http, http.build_request("GET", url))


def test_a_reply_that_drips_is_cut_off_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "WHOLE_REPLY_SECONDS", 0.2)
    done = threading.Event()

    def answer(it: Exchange) -> None:
        it.start(200, connection="close")
        while not done.wait(0.02):
            it.wfile.write(b" ")

    try:
        with pytest.raises(failures.UpstreamTrouble, match="no whole reply"):
            fetch(answer)
    finally:
        done.set()


def test_a_proxy_of_the_environment_is_not_used_on_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert fetch(lambda it: it.send(200, b"{}")).content == b"{}"


def test_no_thread_waits_for_the_connection_of_another() -> None:
    """More than httpx opens when it is not told how many."""
    count = 110
    all_have_come = threading.Barrier(count)
    replies: list[int] = []

    def answer(it: Exchange) -> None:
        all_have_come.wait(10)
        it.send(200, b"{}")

    with (
        scripted_server.serve(answer) as url,
        transfer.open_client(user_agent="tests", address=url, threads=count) as http,
    ):

        def ask(client: httpx.Client) -> None:
            for _ in range(2):
                request = client.build_request("GET", url)
                replies.append(transfer.exchange(client, request).status)

        threads = [threading.Thread(target=ask, args=(http,)) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert replies == [200] * (2 * count)


def test_a_proxy_that_refuses_us_is_no_fault_of_what_was_asked_for() -> None:
    with (
        scripted_server.serve(lambda it: it.send(407, b"")) as proxy,
        httpx.Client(proxy=proxy) as http,
        pytest.raises(failures.Unreachable),
    ):
        transfer.exchange(http, http.build_request("GET", "https://reddit.test/"))
