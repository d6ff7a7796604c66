"""The reasons why a request to an address that a user chose was not sent or not answered."""

from __future__ import annotations

from crawljobs.errors import CrawljobsError


class OutboundError(CrawljobsError):
    """The base class of the errors of outbound requests."""


class RefusedTarget(OutboundError, ValueError):
    """The guard refuses the address. The message says why, and names the setting that allows it."""


class NameNotResolved(OutboundError):
    """The name of the host has no addresses now, or the answer took too long."""


class ConnectionFailed(OutboundError):
    """No connection was made, or it broke before the end of the answer."""


class ProxyFailed(OutboundError):
    """The proxy of WEBHOOK_PROXY cannot be reached, or it made no tunnel."""


class TlsFailed(OutboundError):
    """The server's certificate is not trusted, or the TLS handshake failed."""


class DeadlineExceeded(OutboundError):
    """The connection or the whole request took longer than its deadline."""


class InvalidReply(OutboundError):
    """The server's answer is not HTTP."""
