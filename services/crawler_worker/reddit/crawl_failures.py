"""Why a crawl stopped, and what that means for the job."""

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
    """Not there, or not for us to see: for a subreddit an outcome of its crawl, not a failure."""

    kind = ErrorKind.PERMANENT

    def __init__(self, access: AccessState, message: str) -> None:
        super().__init__(message)
        self.access = access


class UpstreamTrouble(CrawlFailure):
    """Reddit, or the way to it, is not well; worth another attempt later.

    `detail` is the text of the error below it: printable ASCII, at most 200 characters.
    """

    kind = ErrorKind.RETRYABLE

    def __init__(self, message: str, *, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail

    def explained(self) -> str:
        """The message with the text of the error below it."""
        return f"{self}: {self.detail}" if self.detail else str(self)


class Cause(StrEnum):
    """Why there is no connection."""

    CERTIFICATE = "certificate"
    NETWORK = "network"
    PROXY = "proxy"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    TLS = "tls"
    UNKNOWN_HOST = "unknown host"


class Unreachable(UpstreamTrouble):
    """There is no connection: no request, and so no subreddit, can be the cause."""

    def __init__(self, message: str, *, cause: Cause, detail: str = "") -> None:
        super().__init__(message, detail=detail)
        self.cause = cause


class Unclear(UpstreamTrouble):
    """A reply that says nothing about the requested page, such as a proxy's page, although it came
    several times and Reddit accepts the client otherwise.
    """


class ClientRefused(UpstreamTrouble):
    """Even the probe is refused, by Reddit or by a proxy: the client id or address is blocked."""


class AuthorRefused(CrawlFailure):
    """Reddit does not show an author's history; the account's description may say why."""

    kind = ErrorKind.PERMANENT


class BadRequest(CrawlFailure):
    """Reddit does not understand us: asking again would not help."""

    kind = ErrorKind.PERMANENT


class TooLarge(CrawlFailure):
    """The request was too long; a smaller batch may pass."""

    kind = ErrorKind.PERMANENT


class TokenRefused(CrawlFailure):
    """Reddit does not accept this access token."""

    kind = ErrorKind.RETRYABLE


class Deferred(CrawlFailure):
    """Nobody's fault: the job waits `resume_in` seconds and no attempt is charged."""

    kind = ErrorKind.DEFERRED
    reason: ClassVar[WaitReason]

    def __init__(self, message: str, *, resume_in: float) -> None:
        super().__init__(message)
        self.resume_in = resume_in


class Throttled(Deferred):
    """429: the budget is spent. `retry_after` is None when Reddit did not say."""

    reason = WaitReason.RATE_LIMIT

    def __init__(self, message: str, *, retry_after: float | None, resume_in: float = 5.0) -> None:
        super().__init__(message, resume_in=resume_in if retry_after is None else retry_after)
        self.retry_after = retry_after


class SlotTooLate(Deferred):
    """The next free slot in the budget is further away than a worker should sleep."""

    reason = WaitReason.RATE_LIMIT


class Outage(Deferred):
    """Reddit is in trouble and all workers pause: no request is made until a probe succeeds."""

    reason = WaitReason.OUTAGE


class NothingClear(Deferred):
    """A required page of one community is unclear or fails: its job waits without an attempt."""

    reason = WaitReason.UNCLEAR


class TooSoon(Deferred):
    """Politeness: this subreddit was asked for something too short a while ago."""

    reason = WaitReason.POLITENESS


class CredentialsRefused(Outage):
    """The client id or secret is wrong, or its tokens are refused: every job waits until somebody
    corrects it.
    """


class Interrupted(CrawljobsError):
    """The worker was told to stop: the job is released and goes on from its checkpoint."""
