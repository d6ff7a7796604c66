"""Bearer tokens: given to clients, known until they expire or are revoked."""

import collections
import enum
import secrets
import threading
from collections.abc import Callable
from typing import NamedTuple

# The oldest are forgotten first: to their owners they look expired.
MOST_TOKENS = 10_000


class Mode(enum.StrEnum):
    """Which tokens are given: good ones, ever new ones that the API refuses, or one such again."""

    GOOD = "good"
    REFUSED = "refused"
    SAME = "same"


class Token(NamedTuple):
    client: str
    expires: float


class Tokens:
    """The tokens given out by this process. Thread-safe."""

    def __init__(self, seconds: int, clock: Callable[[], float]) -> None:
        self.seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._known: collections.OrderedDict[str, Token] = collections.OrderedDict()
        self.given = 0
        self.mode = Mode.GOOD
        self._same = secrets.token_urlsafe(48)

    def change(self, mode: Mode) -> None:
        """What is given from now on; all that was given is revoked."""
        with self._lock:
            self.mode = mode
            self._known.clear()

    def give(self, client: str) -> str:
        text = secrets.token_urlsafe(48)
        with self._lock:
            if self.mode is not Mode.GOOD:
                self.given += 1
                return self._same if self.mode is Mode.SAME else text
            self._known[text] = Token(client, self._clock() + self.seconds)
            self.given += 1
            if len(self._known) > MOST_TOKENS:
                self._known.popitem(last=False)
        return text

    def client_of(self, text: str) -> str | None:
        """Whose token it is; None when it is unknown, expired or revoked."""
        with self._lock:
            token = self._known.get(text)
            if token is None or token.expires <= self._clock():
                return None
            return token.client

    def revoke(self, text: str) -> None:
        with self._lock:
            self._known.pop(text, None)
