"""The reasons why a request to an address that a user chose was not sent or not answered."""

from __future__ import annotations

from crawljobs.errors import CrawljobsError


class OutboundError(CrawljobsError):
    """The base class of the errors of outbound requests."""


class RefusedTarget(OutboundError, ValueError):
    """The guard refuses the URL. The message has the reason and the setting to change, if any."""


class NameNotResolved(OutboundError):
    """The lookup of the host failed, took too long, or found no addresses or too many."""


class ConnectionFailed(OutboundError):
    """The connection could not be opened, or it broke before the reply was complete."""


class ProxyFailed(OutboundError):
    """The proxy from WEBHOOK_PROXY cannot be reached, or it did not open a tunnel."""


class TlsFailed(OutboundError):
    """The server's certificate is not trusted, or the TLS handshake failed."""


class DeadlineExceeded(OutboundError):
    """The connection or the whole request took longer than its deadline."""


class InvalidReply(OutboundError):
    """The server's reply is not HTTP, or its headers are too long."""
