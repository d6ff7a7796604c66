"""HTTP requests of tests to scripted servers, through the worker's transport."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

from crawler_worker.reddit.exchange import sockets, transfer
from support import scripted_server
from support.scripted_server import Exchange
from support.waiting import wait_until

HEAD = b"HTTP/1.1 200 OK\r\n"


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


@contextlib.contextmanager
def through(proxy: str) -> Iterator[transfer.Transport]:
    proxies = {"https://reddit.test": proxy}
    with transport(proxies=proxies, context=sockets.tls(None, None)) as http:
        yield http


@contextlib.contextmanager
def raw_server(script: Callable[[socket.socket], None]) -> Iterator[int]:
    """Run a server that calls `script` for each connection, and yield the server's port."""
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
