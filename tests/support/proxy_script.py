"""The script of a real HTTP proxy that makes tunnels, for support.scripted_server."""

import contextlib
import select
import socket

from support.scripted_server import Exchange


class Proxy:
    """Notes each request for a tunnel, and makes the tunnel unless `status` is an error."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.tunnels: list[tuple[str, str | None]] = []  # target, Proxy-Authorization

    def __call__(self, exchange: Exchange) -> None:
        exchange.close_connection = True
        self.tunnels.append((exchange.path, exchange.headers.get("Proxy-Authorization")))
        if exchange.command != "CONNECT" or self.status != 200:
            exchange.send(self.status, b"")
            return
        host, _, port = exchange.path.rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port)), timeout=5) as target:
            exchange.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            _pipe(exchange.connection, target)


def _pipe(client: socket.socket, target: socket.socket) -> None:
    """Copy bytes in both directions until one side closes."""
    other = {client: target, target: client}
    with contextlib.suppress(OSError):
        while True:
            for ready in select.select([client, target], [], [], 10)[0]:
                if not (data := ready.recv(65_536)):
                    return
                other[ready].sendall(data)
