"""The transitions of a job: the queue's verbs, and the states before and after each verb."""

from __future__ import annotations

from enum import StrEnum

from crawljobs.domain.job import FINAL, LIVE, JobStatus


class Transition(StrEnum):
    """A verb of the queue, such as claim. Each verb changes the state of a job in one way."""

    REQUEUE = "requeue"
    PARK = "park"
    CLAIM = "claim"
    COMPLETE = "complete"
    SCHEDULE_RETRY = "schedule_retry"
    DEFER = "defer"
    FAIL = "fail"
    RELEASE = "release"
    RESCUE = "rescue"
    WAKE = "wake"
    CANCEL = "cancel"
    GIVE_UP = "give_up"
    RETRY = "retry"


_S = JobStatus
TRANSITIONS: dict[Transition, tuple[frozenset[JobStatus], frozenset[JobStatus]]] = {
    # Maps a verb to two sets: the possible states before the verb, and after the verb.
    Transition.REQUEUE: (frozenset({_S.WAITING}), frozenset({_S.QUEUED})),
    Transition.WAKE: (frozenset({_S.WAITING}), frozenset({_S.QUEUED})),
    Transition.PARK: (frozenset({_S.QUEUED}), frozenset({_S.WAITING})),
    Transition.CLAIM: (frozenset({_S.QUEUED}), frozenset({_S.CRAWLING})),
    Transition.COMPLETE: (frozenset({_S.CRAWLING}), frozenset({_S.SUCCEEDED})),
    Transition.SCHEDULE_RETRY: (frozenset({_S.CRAWLING}), frozenset({_S.WAITING})),
    Transition.DEFER: (frozenset({_S.CRAWLING}), frozenset({_S.WAITING})),
    Transition.FAIL: (frozenset({_S.CRAWLING}), frozenset({_S.FAILED})),
    Transition.RELEASE: (frozenset({_S.CRAWLING}), frozenset({_S.QUEUED})),
    Transition.RESCUE: (frozenset({_S.CRAWLING}), frozenset({_S.QUEUED, _S.WAITING, _S.FAILED})),
    Transition.CANCEL: (LIVE, frozenset({_S.CANCELLED})),
    Transition.GIVE_UP: (LIVE, frozenset({_S.FAILED})),
    Transition.RETRY: (FINAL, frozenset({_S.QUEUED})),
}
