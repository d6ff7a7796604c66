"""The interface of the event that stops a crawl."""

from __future__ import annotations

from typing import Protocol


class Stop(Protocol):
    """An event such as threading.Event; it is set when the crawl must stop at its next page."""

    def is_set(self) -> bool: ...

    def wait(self, timeout: float, /) -> bool:
        """Wait for the event, at most `timeout` seconds; returns whether it is set."""
