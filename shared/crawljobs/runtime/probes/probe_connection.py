"""One connection of the probe server: it reads a request head and sends a reply, by deadlines."""

from __future__ import annotations

import contextlib
import selectors
import socket
import time

REQUEST_BYTES = 8_192
REQUEST_SECONDS = 2.0  # from the connection to the complete request head
ANSWER_SECONDS = 10.0  # from the request head to the last byte of the reply
LINGER_SECONDS = 1.0  # from the last byte of the reply until the client closes
PIECE_BYTES = 64 * 1024  # per call of send or recv, so that other connections get their turn


class ProbeConnection:
    """A non-blocking connection. The caller checks `awaited` and `is_over` after each call."""

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
        """The selector events to wait for; 0 while the page is built.

        Without the 0 a client that closed would be reported as readable in every loop turn.
        """
        if self._rest:
            return selectors.EVENT_WRITE
        return 0 if self.has_asked and not self._is_answered else selectors.EVENT_READ

    def receive(self) -> bytes | None:
        """The request head when it is complete, too long or cut off, else None.

        Bytes that arrive after the reply are dropped.
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
            # Let the client close first. A close here while bytes of the client are in flight
            # would reset the connection and destroy the reply.
            self.deadline = time.monotonic() + LINGER_SECONDS
            self.socket.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            return
        except OSError:
            self.is_over = True

    def close(self) -> None:
        # A shutdown closes the connection even if a forked process holds a copy of the socket.
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
