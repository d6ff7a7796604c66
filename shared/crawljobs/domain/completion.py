"""How a claim ends: complete, fail, schedule_retry, defer or release, as a value."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from crawljobs.domain import plain_text
from crawljobs.domain.job import AttemptOutcome, Claim, ErrorKind, Transition, WaitReason

ERROR_MESSAGE_MAX = 2_000  # characters kept of an error, which may hold what others wrote

# A crawl that ended so will not go better at once: nobody wants the follow-up.
TERMINAL_OUTCOMES = frozenset({"banned", "not_found", "legal", "suspended"})

# What each verb makes of the claim.
ATTEMPTS = {
    Transition.COMPLETE: AttemptOutcome.SUCCEEDED,
    Transition.FAIL: AttemptOutcome.FAILED,
    Transition.SCHEDULE_RETRY: AttemptOutcome.FAILED,
    Transition.DEFER: AttemptOutcome.DEFERRED,
    Transition.RELEASE: AttemptOutcome.RELEASED,
}


class Completion(NamedTuple):  # made for each job, as Claim is
    """How one claim ends; completed, failed, retried, deferred and released make it."""

    claim: Claim
    verb: Transition
    outcome: str | None = None
    error_kind: ErrorKind | None = None
    error_message: str | None = None
    delay: timedelta | None = None
    wait_reason: WaitReason | None = None

    @property
    def attempt(self) -> AttemptOutcome:
        return ATTEMPTS[self.verb]


def completed(claim: Claim, outcome: str) -> Completion:
    """As succeeded; makes the follow-up job when a rerun was requested."""
    return Completion(claim, Transition.COMPLETE, outcome=outcome)


def failed(claim: Claim, *, kind: ErrorKind, message: str) -> Completion:
    """As failed, for good; makes the follow-up job when a rerun was requested."""
    return Completion(claim, Transition.FAIL, error_kind=kind, error_message=storable(message))


def retried(claim: Claim, *, delay: timedelta, kind: ErrorKind, message: str) -> Completion:
    """The job waits for its next attempt; this one is charged."""
    return Completion(
        claim,
        Transition.SCHEDULE_RETRY,
        delay=delay,
        error_kind=kind,
        error_message=storable(message),
    )


def deferred(claim: Claim, *, delay: timedelta, reason: WaitReason, message: str) -> Completion:
    """The job waits; no attempt is charged. A worker looks at it again within a minute, or after
    the whole delay when the reason is unclear.
    """
    return Completion(
        claim,
        Transition.DEFER,
        delay=delay,
        wait_reason=reason,
        error_kind=ErrorKind.DEFERRED,
        error_message=storable(message),
    )


def released(claim: Claim) -> Completion:
    """The job is given back, claimable at once; no attempt is charged."""
    return Completion(claim, Transition.RELEASE)


def storable(message: str) -> str:
    """An error's text on one line, of printable characters and of a bounded length."""
    return plain_text.one_line(message, limit=ERROR_MESSAGE_MAX)
