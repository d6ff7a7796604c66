"""Errors that stop a crawl; the class decides how the claim of the job completes."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from crawljobs.domain.job import ErrorKind, WaitReason
from crawljobs.domain.subreddit import AccessState
from crawljobs.errors import CrawljobsError


class CrawlFailure(CrawljobsError):
    """`kind` decides between fail, schedule_retry and defer."""

    kind: ClassVar[ErrorKind]


class Unavailable(CrawlFailure):
    """The page does not exist or access is denied. For a subreddit this is an outcome of its crawl,
    not a failure."""

    kind = ErrorKind.PERMANENT

    def __init__(self, access: AccessState, message: str) -> None:
        super().__init__(message)
        self.access = access


class UpstreamTrouble(CrawlFailure):
    """Reddit, or the network to it, has a failure; a later attempt may succeed.

    `detail` is the text of the underlying error: printable ASCII, at most 200 characters.
    """

    kind = ErrorKind.RETRYABLE

    def __init__(self, message: str, *, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail

    def explained(self) -> str:
        """The message, with the text of the underlying error."""
        return f"{self}: {self.detail}" if self.detail else str(self)


class Cause(StrEnum):
    """The step at which a connection failed."""

    CERTIFICATE = "certificate"
    NETWORK = "network"
    PROXY = "proxy"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    TLS = "tls"
    UNKNOWN_HOST = "unknown host"


class Unreachable(UpstreamTrouble):
    """The connection failed before a request was sent, so no subreddit can be the cause."""

    def __init__(self, message: str, *, cause: Cause, detail: str = "") -> None:
        super().__init__(message, detail=detail)
        self.cause = cause


class Unclear(UpstreamTrouble):
    """The reply has no meaning for the requested page, for example the page of a proxy.

    It is raised after several tries, when Reddit accepts other requests of the client.
    """


class ClientRefused(UpstreamTrouble):
    """Reddit or a proxy refuses the probe too: the client id or the IP address is blocked."""


class AuthorRefused(CrawlFailure):
    """Reddit does not return an author's history; the account's description may give the reason."""

    kind = ErrorKind.PERMANENT


class BadRequest(CrawlFailure):
    """Reddit rejects the request as invalid; the same request would fail again."""

    kind = ErrorKind.PERMANENT


class TooLarge(CrawlFailure):
    """The request was too long; a smaller batch may pass."""

    kind = ErrorKind.PERMANENT


class TokenRefused(CrawlFailure):
    """Reddit does not accept this access token."""

    kind = ErrorKind.RETRYABLE


class Deferred(CrawlFailure):
    """The job is not at fault: it waits `resume_in` seconds and no attempt is charged."""

    kind = ErrorKind.DEFERRED
    reason: ClassVar[WaitReason]

    def __init__(self, message: str, *, resume_in: float) -> None:
        super().__init__(message)
        self.resume_in = resume_in


class Throttled(Deferred):
    """429: the budget is spent. `retry_after`, in seconds, is None when Reddit did not send it."""

    reason = WaitReason.RATE_LIMIT

    def __init__(self, message: str, *, retry_after: float | None, resume_in: float = 5.0) -> None:
        super().__init__(message, resume_in=resume_in if retry_after is None else retry_after)
        self.retry_after = retry_after


class SlotTooLate(Deferred):
    """The next free slot of the budget is later than a worker may wait."""

    reason = WaitReason.RATE_LIMIT


class Outage(Deferred):
    """Reddit has an outage and all workers pause: no request is sent until a probe succeeds."""

    reason = WaitReason.OUTAGE


class NothingClear(Deferred):
    """A required page of one subreddit is unclear or fails; its job waits."""

    reason = WaitReason.UNCLEAR


class TooSoon(Deferred):
    """The gap after the last request for this subreddit has not passed yet."""

    reason = WaitReason.POLITENESS


class CredentialsRefused(Outage):
    """The client id or secret is wrong, or its tokens are refused: all jobs wait until an operator
    corrects it.
    """


class Interrupted(CrawljobsError):
    """The worker shuts down: the job is released, and continues from its checkpoint later."""
