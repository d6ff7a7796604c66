"""The changes that an operator can make to a job, and the job states that allow each change."""

from __future__ import annotations

from enum import StrEnum

from crawljobs.domain.job import FINAL, LIVE, JobStatus
from crawljobs.domain.transitions import TRANSITIONS, Transition


class Verb(StrEnum):
    """A change by an operator. Its value fits in the message `cannot <verb> a job that is ...`."""

    BOOST = "boost"
    CHANGE_PRIORITY = "change the priority of"
    WAKE = "wake"
    RETRY = "retry"
    CANCEL = "cancel"
    GIVE_UP = "give up"
    DELETE = "delete"


ALLOWED: dict[Verb, frozenset[JobStatus]] = {
    Verb.BOOST: LIVE,
    Verb.CHANGE_PRIORITY: LIVE,
    Verb.WAKE: TRANSITIONS[Transition.WAKE][0],
    Verb.RETRY: TRANSITIONS[Transition.RETRY][0],
    Verb.CANCEL: TRANSITIONS[Transition.CANCEL][0],
    Verb.GIVE_UP: TRANSITIONS[Transition.GIVE_UP][0],
    Verb.DELETE: FINAL,
}
