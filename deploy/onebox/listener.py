"""Open the listening socket of the demo's admin-api. The gunicorn process inherits the socket."""

import socket

from onebox.demo_errors import OneboxError

HOST = "127.0.0.1"
BACKLOG = 128


def listen(port: int) -> socket.socket:
    """Return a listening socket on `port`, or on any free port for 0.

    Raises OneboxError if another process uses the port.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise OneboxError(
            f"Port {port} on {HOST} cannot be used ({error.strerror}): "
            "stop the process that uses it, or choose another with --port (0: any free port)."
        ) from error
    return listener
