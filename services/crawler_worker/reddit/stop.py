"""The interface of the signal that stops a crawl."""

from __future__ import annotations

from typing import Protocol


class Stop(Protocol):
    """A stop signal, for example a threading.Event. When it is set, the crawl must stop soon."""

    def is_set(self) -> bool: ...

    def wait(self, timeout: float, /) -> bool:
        """Wait for the signal, at most `timeout` seconds. Return whether the signal is set."""
