"""Bearer tokens. A token is valid until it expires or is revoked."""

import collections
import enum
import secrets
import threading
from collections.abc import Callable
from typing import NamedTuple

# The limit of valid tokens. At the limit, a new token invalidates the oldest token.
MOST_TOKENS = 10_000


class Mode(enum.StrEnum):
    """The kind of the tokens that the sandbox issues.

    The API accepts GOOD tokens only. REFUSED means a new invalid token each time, and SAME means
    the same invalid token each time.
    """

    GOOD = "good"
    REFUSED = "refused"
    SAME = "same"


class Token(NamedTuple):
    client: str
    expires: float


class Tokens:
    """Issues, checks and revokes tokens. Thread-safe."""

    def __init__(self, seconds: int, clock: Callable[[], float]) -> None:
        self.seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._known: collections.OrderedDict[str, Token] = collections.OrderedDict()
        self.given = 0
        self.mode = Mode.GOOD
        self._same = secrets.token_urlsafe(48)

    def change(self, mode: Mode) -> None:
        """Revoke all tokens, and issue tokens of this kind from now on."""
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
        """Return the client of a token, or None for an unknown, expired or revoked token."""
        with self._lock:
            token = self._known.get(text)
            if token is None or token.expires <= self._clock():
                return None
            return token.client

    def revoke(self, text: str) -> None:
        with self._lock:
            self._known.pop(text, None)
