"""The author of an administrative change."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """The name of a token (never the token), or `system:<process>` for automatic changes."""

    name: str
    request_id: str | None = None
    peer_address: str | None = None  # the other end of the TCP connection
    client_address: str | None = None  # the client's own address, behind the trusted proxies
    token_id: str | None = None  # None: the bootstrap token, or a process
