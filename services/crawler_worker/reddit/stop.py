"""How a crawl is told to stop."""

from __future__ import annotations

from typing import Protocol


class Stop(Protocol):
    """An event such as threading.Event: set when the crawl must end at its next page."""

    def is_set(self) -> bool: ...

    def wait(self, timeout: float, /) -> bool:
        """Sleep unless stopped meanwhile; whether stopped."""
