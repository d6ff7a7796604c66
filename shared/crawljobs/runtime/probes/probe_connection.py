"""One connection of the probe server: read the head of a request, and send a reply in time."""

from __future__ import annotations

import contextlib
import selectors
import socket
import time

REQUEST_BYTES = 8_192
REQUEST_SECONDS = 2.0  # limit from the start of the connection to the complete request head
ANSWER_SECONDS = 10.0  # limit from the complete request head to the last byte of the reply
LINGER_SECONDS = 1.0  # limit from the last byte of the reply until the client closes
# PIECE_BYTES limits one call of send or recv. Otherwise other connections would wait for a long
# transfer.
PIECE_BYTES = 64 * 1024


class ProbeConnection:
    """A connection that never blocks. After each call, check `awaited` and `is_over`."""

    def __init__(self, client: socket.socket) -> None:
        client.setblocking(False)
        self.socket = client
        self.deadline = time.monotonic() + REQUEST_SECONDS
        self.has_asked = False
        self.is_over = False
        self._received = bytearray()
        self._rest = memoryview(b"")  # the part of the reply that is not sent yet
        self._is_answered = False

    @property
    def awaited(self) -> int:
        """The selector events to wait for, or 0 while the page is built.

        While the page is built, the client may close the connection. With events other than 0, the
        selector would then report the connection as readable all the time.
        """
        if self._rest:
            return selectors.EVENT_WRITE
        return 0 if self.has_asked and not self._is_answered else selectors.EVENT_READ

    def receive(self) -> bytes | None:
        """Return the request head if it is complete, too long or cut off, else None.

        Bytes that arrive after the reply was sent are dropped.
        """
        try:
            piece = self.socket.recv(PIECE_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            self.is_over = True
            return None
        self._received += b"" if self._is_answered else piece
        self.is_over = not piece and (self._is_answered or not self._received)
        is_whole = b"\r\n\r\n" in self._received or len(self._received) >= REQUEST_BYTES
        if self.is_over or self._is_answered or (piece and not is_whole):
            return None
        self.has_asked = True
        self.deadline = time.monotonic() + ANSWER_SECONDS
        return bytes(self._received)

    def begin_to_send(self, answer: bytes) -> None:
        self._rest = memoryview(answer)
        self.send()

    def send(self) -> None:
        try:
            self._rest = self._rest[self.socket.send(self._rest[:PIECE_BYTES]) :]
            if self._rest:
                return
            self._is_answered = True
            # Let the client close first. If this side closes while the client still sends bytes,
            # the connection is reset and the client loses the reply.
            self.deadline = time.monotonic() + LINGER_SECONDS
            self.socket.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            return
        except OSError:
            self.is_over = True

    def close(self) -> None:
        # `socket.shutdown` ends the connection even if a forked process has a copy of the socket.
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
