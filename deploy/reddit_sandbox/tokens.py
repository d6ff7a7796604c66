"""Bearer tokens, valid until they expire or are revoked."""

import collections
import enum
import secrets
import threading
from collections.abc import Callable
from typing import NamedTuple

# Beyond this number the oldest tokens are dropped, which looks like an expiry.
MOST_TOKENS = 10_000


class Mode(enum.StrEnum):
    """The kind of issued tokens: good, refused by the API, or one refused token repeatedly."""

    GOOD = "good"
    REFUSED = "refused"
    SAME = "same"


class Token(NamedTuple):
    client: str
    expires: float


class Tokens:
    """The tokens that this process has issued. Thread-safe."""

    def __init__(self, seconds: int, clock: Callable[[], float]) -> None:
        self.seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._known: collections.OrderedDict[str, Token] = collections.OrderedDict()
        self.given = 0
        self.mode = Mode.GOOD
        self._same = secrets.token_urlsafe(48)

    def change(self, mode: Mode) -> None:
        """Set the kind of the tokens issued from now on; revoke all tokens."""
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
        """The client of a token; None for an unknown, expired or revoked token."""
        with self._lock:
            token = self._known.get(text)
            if token is None or token.expires <= self._clock():
                return None
            return token.client

    def revoke(self, text: str) -> None:
        with self._lock:
            self._known.pop(text, None)
