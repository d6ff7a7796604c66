"""The actor of an administrative change: the token or the process that made the change."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """The token or the process that made a change.

    `name` is the name of the token, never the token itself. If a process made the change by itself,
    `name` is `system:<process>`.
    """

    name: str
    request_id: str | None = None
    peer_address: str | None = None  # IP address of the other end of the TCP connection
    client_address: str | None = None  # IP address of the client, as the trusted proxies report it
    token_id: str | None = None  # None: the actor used ADMIN_API_TOKEN, or is a process
