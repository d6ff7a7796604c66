"""The completion of a claim as a value: complete, fail, schedule_retry, defer or release."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from crawljobs.domain import plain_text
from crawljobs.domain.attempt import AttemptOutcome
from crawljobs.domain.claim import Claim
from crawljobs.domain.job import ErrorKind, WaitReason
from crawljobs.domain.transitions import Transition

ERROR_MESSAGE_MAX = 2_000  # stored characters of an error, which may quote untrusted text

# After these outcomes a crawl would have the same result: no follow-up job is made.
TERMINAL_OUTCOMES = frozenset({"banned", "not_found", "legal", "suspended"})

# The attempt outcome of each verb.
ATTEMPTS = {
    Transition.COMPLETE: AttemptOutcome.SUCCEEDED,
    Transition.FAIL: AttemptOutcome.FAILED,
    Transition.SCHEDULE_RETRY: AttemptOutcome.FAILED,
    Transition.DEFER: AttemptOutcome.DEFERRED,
    Transition.RELEASE: AttemptOutcome.RELEASED,
}


class Completion(NamedTuple):  # one per job: see Claim
    """The completion of one claim; made by completed, failed, retried, deferred and released."""

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
    """The job succeeds. A rerun request then makes the follow-up job."""
    return Completion(claim, Transition.COMPLETE, outcome=outcome)


def failed(claim: Claim, *, kind: ErrorKind, message: str) -> Completion:
    """The job fails for good. A rerun request then makes the follow-up job."""
    return Completion(claim, Transition.FAIL, error_kind=kind, error_message=storable(message))


def retried(claim: Claim, *, delay: timedelta, kind: ErrorKind, message: str) -> Completion:
    """The job waits for its next attempt; this attempt is charged."""
    return Completion(
        claim,
        Transition.SCHEDULE_RETRY,
        delay=delay,
        error_kind=kind,
        error_message=storable(message),
    )


def deferred(claim: Claim, *, delay: timedelta, reason: WaitReason, message: str) -> Completion:
    """The job waits; no attempt is charged.

    A sweep checks its cause again within a minute. A job whose reason is `unclear` waits the whole
    delay.
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
    """The job is claimable again at once; no attempt is charged."""
    return Completion(claim, Transition.RELEASE)


def storable(message: str) -> str:
    """The error message as one line of at most ERROR_MESSAGE_MAX printable characters."""
    return plain_text.one_line(message, limit=ERROR_MESSAGE_MAX)
