"""How far a crawl has come, read from its checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Progress:
    """`phase` is None before the first page was stored."""

    phase: str | None = None
    page: int = 0
    posts: int = 0
    comments: int = 0
    authors: int = 0
    requests: int = 0


def from_checkpoint(checkpoint: Mapping[str, Any] | None) -> Progress:
    """What is missing or of another type counts as nothing: a checkpoint may be older or broken."""
    found = checkpoint or {}
    phase = found.get("phase")
    return Progress(
        phase=phase if isinstance(phase, str) else None,
        page=_count(found.get("page")),
        posts=_count(found.get("posts")),
        comments=_count(found.get("comments")),
        authors=_count(found.get("authors")),
        requests=_count(found.get("requests")),
    )


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
