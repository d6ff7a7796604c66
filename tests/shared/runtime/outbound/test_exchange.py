"""Requests go to the checked address alone, end at their deadline and read little."""

import base64
import contextlib
import socket
import ssl
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crawljobs import settings
from crawljobs.runtime.outbound import pinned_connection
from crawljobs.runtime.outbound.exchange import BODY_MAX, Reply, Sender
from crawljobs.runtime.outbound.guard import Guard
from crawljobs.runtime.outbound.outbound_errors import (
    ConnectionFailed,
    DeadlineExceeded,
    InvalidReply,
    OutboundError,
    ProxyFailed,
    RefusedTarget,
    TlsFailed,
)
from crawljobs.settings import ConnectionSettings, OutboundProxy
from support import certificates, refused_targets
from support.plain_http import NO_CERTIFICATES
from support.proxy_script import Proxy
from support.refused_targets import PUBLIC, ScriptedNames
from support.scripted_server import Exchange, serve

LOCAL = settings.read_outbound_settings(
    {
        "WEBHOOK_ALLOW_HTTP": "true",
        "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/30",
        "WEBHOOK_ALLOWED_PORTS": "1-65535",
    }
)
BODY = b'{"type":"test.ping"}'
MEBIBYTE = 1 << 20


def sender(
    *answers: list[str],
    tls: ssl.SSLContext = NO_CERTIFICATES,
    proxy: OutboundProxy | None = None,
) -> Sender:
    names = ScriptedNames(*(answers or (["127.0.0.1"],)))
    return Sender(Guard(LOCAL, names.resolver()), tls, ConnectionSettings(proxy=proxy))


def post(url: str, seconds: float = 5.0) -> Reply:
    return sender().post(url, headers={"webhook-id": "msg_1"}, body=BODY, seconds=seconds)


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def test_a_request_has_these_bytes_and_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    seen: list[tuple[str, str, dict[str, str], bytes]] = []

    def script(exchange: Exchange) -> None:
        seen.append((exchange.command, exchange.path, dict(exchange.headers), exchange.body))
        exchange.send(202, b"thanks", Retry_After="120")

    names = ScriptedNames(["127.0.0.1"], ["127.0.0.3"])
    with serve(script) as url:
        own = Sender(Guard(LOCAL, names.resolver()), NO_CERTIFICATES)
        reply = own.post(
            f"http://hooks.example:{port_of(url)}/a?b=c", headers={"webhook-id": "m"}, body=BODY
        )
    assert reply == Reply(202, b"thanks", "120")
    assert names.lookups == ["hooks.example"], "a second lookup could give another address"
    assert seen == [
        (
            "POST",
            "/a?b=c",
            {
                "Host": f"hooks.example:{port_of(url)}",
                "Content-Length": str(len(BODY)),
                "Connection": "close",
                "webhook-id": "m",
            },
            BODY,
        )
    ]


def test_no_connection_is_made_to_a_refused_target(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*given: Any) -> None:
        raise AssertionError(given)

    monkeypatch.setattr(pinned_connection, "_connect", connect)
    for url, answer in refused_targets.refused():
        names = ScriptedNames(answer or [PUBLIC])
        for proxy in (None, OutboundProxy("127.0.0.1", 9)):
            strict = Sender(
                Guard(settings.OutboundSettings(), names.resolver()),
                NO_CERTIFICATES,
                ConnectionSettings(proxy=proxy),
            )
            with pytest.raises(RefusedTarget):
                strict.post(url, headers={}, body=BODY)


def test_a_name_that_was_rebound_since_its_creation_is_refused() -> None:
    reached: list[str] = []
    with serve(lambda exchange: reached.append(exchange.path)) as url:
        own = sender(["127.0.0.1"], ["127.0.0.1", "127.0.0.5"], ["127.0.0.5"])
        own._guard.check(f"http://hooks.example:{port_of(url)}/")
        for _ in range(2):
            with pytest.raises(RefusedTarget, match="not public"):
                own.post(f"http://hooks.example:{port_of(url)}/", headers={}, body=BODY)
    assert reached == []


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    reached: list[str] = []
    with serve(lambda exchange: reached.append(exchange.path)) as inner:
        location = f"{inner}/secret"
        with serve(lambda exchange: exchange.send(307, b"", Location=location)) as url:
            assert post(url).status == 307
    assert reached == []


def drip_head(exchange: Exchange) -> None:
    exchange.drip(b"x: y\r\n", before=b"HTTP/1.1 200 OK\r\n")


def drip_body(exchange: Exchange) -> None:
    exchange.drip(b".", before=b"HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\n")


def say_nothing(exchange: Exchange) -> None:
    exchange.drip(b"")


def say_continue(exchange: Exchange) -> None:
    exchange.drip(b"HTTP/1.1 100 Continue\r\n\r\n", every=0.01)


@pytest.mark.parametrize("script", [drip_head, drip_body, say_nothing, say_continue])
def test_a_slow_answer_ends_at_the_deadline(script: Callable[[Exchange], None]) -> None:
    with serve(script) as url:
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            post(url, seconds=0.3)
        assert 0.25 < time.monotonic() - began < 2


def endless_head(exchange: Exchange) -> None:
    exchange.drip(b"x" * MEBIBYTE, before=b"HTTP/1.1 200 OK\r\nx: ", every=1e-6)


def not_http(exchange: Exchange) -> None:
    exchange.close_connection = True
    exchange.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")


def wrong_chunk(exchange: Exchange) -> None:
    exchange.close_connection = True
    exchange.wfile.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n")


def cut_chunk(exchange: Exchange) -> None:
    exchange.close_connection = True
    exchange.wfile.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nabc")


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (endless_head, InvalidReply),
        (not_http, InvalidReply),
        (wrong_chunk, (InvalidReply, ConnectionFailed)),
        (cut_chunk, ConnectionFailed),
        (Exchange.hang_up, ConnectionFailed),
    ],
)
def test_a_broken_answer_is_an_error(
    script: Callable[[Exchange], None], error: type[OutboundError]
) -> None:
    with serve(script) as url, pytest.raises(error):
        post(url)


def test_little_of_a_huge_answer_is_read() -> None:
    def huge(exchange: Exchange) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n"
        exchange.drip(b"x" * MEBIBYTE, before=head, every=1e-6)

    def endless(exchange: Exchange) -> None:
        head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        exchange.drip(b"1\r\nx\r\n" * 1_000, before=head, every=1e-6)

    for script in (huge, endless):
        with serve(script) as url:
            tracemalloc.start()
            try:
                assert post(url) == Reply(200, b"x" * BODY_MAX, None)
                assert (
                    tracemalloc.get_traced_memory()[1] < 4 * MEBIBYTE
                )  # the script of the server has 2
            finally:
                tracemalloc.stop()


@contextlib.contextmanager
def full_listener() -> Iterator[int]:
    """Yield a port whose queue of connections is full, so that a further connection waits."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        with contextlib.ExitStack() as stack:
            for _ in range(3):
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    waiting.connect(("127.0.0.1", port))
            yield port


def test_the_addresses_of_a_name_share_the_time_to_connect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pinned_connection, "CONNECT_SECONDS", 0.4)
    with full_listener() as port:
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            sender(["127.0.0.1"]).post(f"http://hooks.example:{port}/", headers={}, body=BODY)
        assert 0.3 < time.monotonic() - began < 2
        with socket.create_server(("127.0.0.2", port)) as second:
            second.settimeout(5)
            own = sender(["127.0.0.1", "127.0.0.2"])
            with pytest.raises(DeadlineExceeded):
                own.post(f"http://hooks.example:{port}/", headers={}, body=BODY, seconds=0.8)
            second.accept()[0].close()
    with pytest.raises(ConnectionFailed, match="refused"):
        sender(["127.0.0.1", "127.0.0.2"]).post("http://hooks.example:9/", headers={}, body=BODY)


def test_a_connection_to_another_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Diverted(socket.socket):
        def getpeername(self) -> tuple[str, int]:
            return "127.0.0.2", super().getpeername()[1]

    reached: list[str] = []
    with serve(lambda exchange: reached.append(exchange.path)) as url:
        monkeypatch.setattr(pinned_connection.socket, "socket", Diverted)
        with pytest.raises(RefusedTarget, match="another address"):
            post(url)
    assert reached == []


def test_the_certificate_and_sni_are_of_the_name(tmp_path: Path) -> None:
    made = certificates.make(tmp_path, "DNS:hooks.example")
    asked: list[str | None] = []
    made.context.sni_callback = lambda _socket, name, _context: asked.append(name)
    trusting = ssl.create_default_context(cafile=str(made.file))
    with serve(lambda exchange: exchange.send(200, b""), tls=made.context) as url:
        port = port_of(url)
        own = sender(tls=trusting)
        assert own.post(f"https://hooks.example:{port}/", headers={}, body=BODY).status == 200
        assert asked == ["hooks.example"]
        for host in ("other.example", "127.0.0.1"):
            with pytest.raises(TlsFailed, match="certificate is not trusted"):
                own.post(f"https://{host}:{port}/", headers={}, body=BODY)
        with pytest.raises(TlsFailed, match="certificate is not trusted"):
            sender().post(f"https://hooks.example:{port}/", headers={}, body=BODY)
    with serve(lambda exchange: exchange.send(200, b"")) as url, pytest.raises(OutboundError):
        own.post(url.replace("http:", "https:"), headers={}, body=BODY, seconds=1)


def test_a_proxy_gets_the_checked_address(tmp_path: Path) -> None:
    made = certificates.make(tmp_path, "DNS:hooks.example")
    trusting = ssl.create_default_context(cafile=str(made.file))
    proxy = Proxy()
    with (
        serve(proxy) as proxy_url,
        serve(lambda exchange: exchange.send(200, b""), tls=made.context) as url,
        serve(lambda exchange: exchange.send(201, b"")) as plain,
    ):
        chosen = OutboundProxy("127.0.0.1", port_of(proxy_url), "user", "p%40ss")
        own = sender(tls=trusting, proxy=chosen)
        for address, status in ((f"https://hooks.example:{port_of(url)}/", 200), (plain, 201)):
            assert own.post(address, headers={}, body=BODY).status == status
        credentials = "Basic " + base64.b64encode(b"user:p@ss").decode()
        assert proxy.tunnels == [
            (f"127.0.0.1:{port_of(each)}", credentials) for each in (url, plain)
        ]
        proxy.status = 403
        with pytest.raises(ProxyFailed, match="expected status 200, got '403'"):
            own.post(plain, headers={}, body=BODY)
        with pytest.raises(ProxyFailed, match="cannot be reached"):
            sender(proxy=OutboundProxy("127.0.0.1", 9)).post(plain, headers={}, body=BODY)
