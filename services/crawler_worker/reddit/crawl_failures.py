"""Errors that stop a crawl. The class of the error decides how the job's claim is completed."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from crawljobs.domain.job import ErrorKind, WaitReason
from crawljobs.domain.subreddit import AccessState
from crawljobs.errors import CrawljobsError


class CrawlFailure(CrawljobsError):
    """A failure of a crawl. Its `kind` decides whether the job fails, is retried or is deferred."""

    kind: ClassVar[ErrorKind]


class Unavailable(CrawlFailure):
    """The page does not exist, or Reddit denies access to it. If a whole subreddit is unavailable,
    this is an outcome of its crawl and not a failure."""

    kind = ErrorKind.PERMANENT

    def __init__(self, access: AccessState, message: str) -> None:
        super().__init__(message)
        self.access = access


class UpstreamTrouble(CrawlFailure):
    """Reddit or the network to Reddit has a failure. A later attempt may succeed.

    `detail` is the text of the underlying error: printable ASCII, at most 200 characters.
    """

    kind = ErrorKind.RETRYABLE

    def __init__(self, message: str, *, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail

    def explained(self) -> str:
        """Return the message, followed by `detail` if there is one."""
        return f"{self}: {self.detail}" if self.detail else str(self)


class Cause(StrEnum):
    """The step at which a connection failed, or the reason why it failed."""

    CERTIFICATE = "certificate"
    NETWORK = "network"
    PROXY = "proxy"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    TLS = "tls"
    UNKNOWN_HOST = "unknown host"


class Unreachable(UpstreamTrouble):
    """The connection failed before a request was sent. So the requested page is not the cause."""

    def __init__(self, message: str, *, cause: Cause, detail: str = "") -> None:
        super().__init__(message, detail=detail)
        self.cause = cause


class Unclear(UpstreamTrouble):
    """The reply is not about the requested page. It may be the error page of a proxy.

    The client raises this error after several tries, if Reddit accepts the client's other requests.
    """


class ClientRefused(UpstreamTrouble):
    """The client id or the IP is blocked: Reddit or a proxy refuses a probe or a token request."""


class AuthorRefused(CrawlFailure):
    """Reddit does not return an author's history. The account's description may show the reason,
    for example a suspension."""

    kind = ErrorKind.PERMANENT


class BadRequest(CrawlFailure):
    """Reddit rejects the request as invalid. The same request would fail again."""

    kind = ErrorKind.PERMANENT


class TooLarge(CrawlFailure):
    """The request was too long. A request for fewer items may succeed."""

    kind = ErrorKind.PERMANENT


class TokenRefused(CrawlFailure):
    """Reddit does not accept this access token."""

    kind = ErrorKind.RETRYABLE


class Deferred(CrawlFailure):
    """A failure from outside the job. The job waits `resume_in` seconds. No attempt is charged."""

    kind = ErrorKind.DEFERRED
    reason: ClassVar[WaitReason]

    def __init__(self, message: str, *, resume_in: float) -> None:
        super().__init__(message)
        self.resume_in = resume_in


class Throttled(Deferred):
    """Reddit replied 429, because the budget is spent. `retry_after` is the pause, in seconds, that
    the reply requests, or None if the reply requests no pause."""

    reason = WaitReason.RATE_LIMIT

    def __init__(self, message: str, *, retry_after: float | None, resume_in: float = 5.0) -> None:
        super().__init__(message, resume_in=resume_in if retry_after is None else retry_after)
        self.retry_after = retry_after


class SlotTooLate(Deferred):
    """A worker would have to wait too long until it may send the request or read a large reply."""

    reason = WaitReason.RATE_LIMIT


class Outage(Deferred):
    """Reddit has an outage, and all workers pause. They send only probes until a probe succeeds."""

    reason = WaitReason.OUTAGE


class NothingClear(Deferred):
    """Requests for a required page of one subreddit fail or have unclear replies. The job waits."""

    reason = WaitReason.UNCLEAR


class TooSoon(Deferred):
    """The minimum time between two requests for this subreddit has not passed yet."""

    reason = WaitReason.POLITENESS


class CredentialsRefused(Outage):
    """Reddit refuses the client id, its secret, or the tokens of the client id.

    All jobs wait until an operator corrects the credentials.
    """


class Interrupted(CrawljobsError):
    """The crawl must stop. Its job is released, and the next attempt uses the checkpoint."""
