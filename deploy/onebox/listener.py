"""Open the listening socket of the demo's admin-api. The gunicorn process inherits the socket."""

import errno
import socket

from onebox.demo_errors import OneboxError

HOST = "127.0.0.1"
USUAL_PORT = 8000
# If another process uses port 8000, these ports are tried, from the lowest.
NEXT_PORTS = range(USUAL_PORT + 1, USUAL_PORT + 100)
BACKLOG = 128


def listen(port: int | None) -> socket.socket:
    """Return a listening socket on `port`, or on any free port for 0.

    None means port 8000, or the next free port if another process uses port 8000. Raises
    OneboxError if the port cannot be used.
    """
    if port is not None:
        return _listen(port)
    for usual in (USUAL_PORT, *NEXT_PORTS):
        try:
            return _listen(usual)
        except PortTakenError:
            continue
    return _listen(0)


class PortTakenError(OneboxError):
    """Another process uses the port."""


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        kind = PortTakenError if error.errno == errno.EADDRINUSE else OneboxError
        raise kind(
            f"Port {port} on {HOST} cannot be used ({error.strerror}): "
            "stop the process that uses it, or choose another with --port (0: any free port)."
        ) from error
    return listener
