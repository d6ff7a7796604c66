"""Who asks for an administrative change, and from where."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """A token's name (never the token), or `system:<process>` for changes nobody asked for."""

    name: str
    request_id: str | None = None
    peer_address: str | None = None  # the other end of the connection
    client_address: str | None = None  # behind the trusted proxies
    token_id: str | None = None  # None: the bootstrap token, or a process
