"""The reply of the server to a request."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reply:
    """A response without an error: its status, its JSON value (None without a body), its ETag."""

    status: int
    body: Any
    etag: str | None = None
    location: str | None = None
    repeated: bool = False  # an earlier try of this request may have reached the server
