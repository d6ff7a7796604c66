"""A connection with one deadline for all reads and writes, and with a limit for the bytes read.

The timeout of a socket limits only a single call, so a server that sends one byte a second could
hold a request for hours. Here each call gets only the time until the deadline.
"""

from __future__ import annotations

import contextlib
import io
import socket
import ssl
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from crawljobs.runtime.outbound.outbound_errors import (
    ConnectionFailed,
    DeadlineExceeded,
    InvalidReply,
    TlsFailed,
)

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BUFFER_BYTES = 4_096


def seconds_left(deadline: float) -> float:
    """Return the seconds until a time of the monotonic clock. Raises DeadlineExceeded."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise DeadlineExceeded("the request took too long")
    return left


@contextlib.contextmanager
def translated_errors() -> Iterator[None]:
    """Raise an OutboundError instead of each error of a socket."""
    try:
        yield
    except TimeoutError:
        raise DeadlineExceeded("the server took too long") from None
    except ssl.SSLCertVerificationError as error:
        raise TlsFailed(f"the certificate is not trusted: {error.verify_message}") from None
    except ssl.SSLError as error:
        raise TlsFailed(f"TLS failed: {error.reason or 'the connection ended'}") from None
    except OSError as error:
        problem = error.strerror or type(error).__name__
        raise ConnectionFailed(f"the connection failed: {problem}") from None


class DeadlineStream:
    """A connected socket with a deadline. It has the methods of a socket that http.client uses."""

    def __init__(self, connected: socket.socket, *, deadline: float, read_max: int) -> None:
        """`deadline` is a time of the monotonic clock. `read_max` limits the total bytes read."""
        self._socket = connected
        self._deadline = deadline
        self._read_max = read_max

    def sendall(self, data: bytes) -> None:
        """Send all bytes before the deadline. Raises an OutboundError.

        This method does not use the `sendall` of a TLS socket, which can apply the whole timeout
        to each record of 16 KB.
        """
        unsent = memoryview(data)
        while unsent:
            with translated_errors():
                self._socket.settimeout(seconds_left(self._deadline))
                unsent = unsent[self._socket.send(unsent) :]

    def receive_into(self, buffer: WriteableBuffer) -> int:
        """Read some bytes, and return their number, which is 0 at the end of the connection."""
        with translated_errors():
            self._socket.settimeout(seconds_left(self._deadline))
            length = self._socket.recv_into(buffer)
        self._read_max -= length
        if self._read_max < 0:
            raise InvalidReply("the headers of the answer are too long")
        return length

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self), BUFFER_BYTES)

    def close(self) -> None:
        """Do nothing, because http.client calls `close` before it has read the body."""

    def end(self) -> None:
        """Close the connection at once, without waiting for the rest of the reply."""
        with contextlib.suppress(OSError):
            self._socket.close()


class _Reader(io.RawIOBase):
    def __init__(self, stream: DeadlineStream) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        return self._stream.receive_into(buffer)
