"""Requests use proxies and check certificates, and a failed connection has a named cause."""

import socket
import ssl
from pathlib import Path

import pytest

from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.crawl_failures import Cause
from crawler_worker.reddit.exchange import sockets
from support import certificates, scripted_server
from support.exchanges import HEAD, get, raw_server, through, transport
from support.scripted_server import Exchange


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
    """Return a certificate file for localhost, and a server's TLS context that uses it."""
    made = certificates.make(module_folder, "DNS:localhost", "IP:127.0.0.1")
    return made.file, made.context


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
