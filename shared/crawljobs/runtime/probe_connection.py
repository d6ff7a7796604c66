"""One client of the probe server: its head arrives and its answer leaves, each by a deadline."""

from __future__ import annotations

import contextlib
import selectors
import socket
import time

REQUEST_BYTES = 8_192
# From the connection to the whole head, then for the page and the answer, then for its end.
REQUEST_SECONDS = 2.0
ANSWER_SECONDS = 10.0
LINGER_SECONDS = 1.0
PIECE_BYTES = 64 * 1024  # at once, so that others have their turn


class ProbeConnection:
    """Never waits. It is to be asked for its state after each call."""

    def __init__(self, client: socket.socket) -> None:
        client.setblocking(False)
        self.socket = client
        self.deadline = time.monotonic() + REQUEST_SECONDS
        self.has_asked = False
        self.is_over = False
        self._received = bytearray()
        self._rest = memoryview(b"")  # of the answer
        self._is_answered = False

    @property
    def awaited(self) -> int:
        """Events of a selector; 0 while the page is made: a client's end would be one for ever."""
        if self._rest:
            return selectors.EVENT_WRITE
        return 0 if self.has_asked and not self._is_answered else selectors.EVENT_READ

    def receive(self) -> bytes | None:
        """The head, once it is whole, too long or broken off; after the answer nothing counts."""
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
            # The client closes: what is on its way when we do would destroy the answer.
            self.deadline = time.monotonic() + LINGER_SECONDS
            self.socket.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            return
        except OSError:
            self.is_over = True

    def close(self) -> None:
        with contextlib.suppress(OSError):  # a process forked meanwhile may hold the socket too
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
