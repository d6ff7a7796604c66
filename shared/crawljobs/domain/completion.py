"""How a worker ends its claim of a job: complete, fail, schedule_retry, defer or release."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from crawljobs.domain import plain_text
from crawljobs.domain.attempt import AttemptOutcome
from crawljobs.domain.claim import Claim
from crawljobs.domain.job import ErrorKind, WaitReason
from crawljobs.domain.transitions import Transition

# Limit of an error message in characters, because a message may quote an untrusted text of any
# length.
ERROR_MESSAGE_MAX = 2_000

# After these outcomes, a rerun request makes no follow-up job, because a new crawl would have the
# same outcome. Exception: an outcome that further crawls must confirm before it counts as final.
TERMINAL_OUTCOMES = frozenset({"banned", "not_found", "legal", "suspended"})

# Maps the verb that ends a claim to the outcome of the attempt (the ended claim).
ATTEMPTS = {
    Transition.COMPLETE: AttemptOutcome.SUCCEEDED,
    Transition.FAIL: AttemptOutcome.FAILED,
    Transition.SCHEDULE_RETRY: AttemptOutcome.FAILED,
    Transition.DEFER: AttemptOutcome.DEFERRED,
    Transition.RELEASE: AttemptOutcome.RELEASED,
}


class Completion(NamedTuple):  # each claim needs a Completion; a dataclass takes longer to create
    """How a worker ends one claim.

    Create an object by a function of this module: completed, failed, retried, deferred or released.
    """

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
    """Return the Completion of a succeeded job.

    If the job has a rerun request, a follow-up job is created. After one of the TERMINAL_OUTCOMES,
    the follow-up job is created only if the outcome must still be confirmed.
    """
    return Completion(claim, Transition.COMPLETE, outcome=outcome)


def failed(claim: Claim, *, kind: ErrorKind, message: str) -> Completion:
    """Return the Completion of a failed job. A rerun request leads to a follow-up job."""
    return Completion(claim, Transition.FAIL, error_kind=kind, error_message=storable(message))


def retried(claim: Claim, *, delay: timedelta, kind: ErrorKind, message: str) -> Completion:
    """Return the Completion for a retry after `delay`. The retry counts towards `max_retries`."""
    return Completion(
        claim,
        Transition.SCHEDULE_RETRY,
        delay=delay,
        error_kind=kind,
        error_message=storable(message),
    )


def deferred(claim: Claim, *, delay: timedelta, reason: WaitReason, message: str) -> Completion:
    """Return the Completion that defers a job. The wait does not count towards `max_retries`.

    A sweep checks the cause of the wait within a minute, and may end the wait early. A job with the
    reason `unclear` waits for the whole delay.
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
    """Return the Completion of a job that another worker may claim at once.

    The ended attempt does not count towards `max_retries`.
    """
    return Completion(claim, Transition.RELEASE)


def storable(message: str) -> str:
    """Return the error message as one line of at most ERROR_MESSAGE_MAX printable characters."""
    return plain_text.one_line(message, limit=ERROR_MESSAGE_MAX)
