"""Operations: changes of more than CHUNK rows, which workers make in chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

CHUNK = 1_000  # a change of more rows than this is made by an operation, in chunks of this size
KEPT_JOBS_MAX = 1_000
ERRORS_MAX = 100
TRIES_MAX = 5  # after this number of failed tries of a chunk, the operation fails
LONGEST_PAUSE_SECONDS = 2**TRIES_MAX  # after failed try number n of a chunk, the pause is 2**n s


class OperationKind(StrEnum):
    CANCEL_GROUP = "cancel_group"
    RETRY_FAILED = "retry_failed"
    BOOST_GROUP = "boost_group"
    DELETE_GROUP = "delete_group"
    REPLAY_WEBHOOK = "replay_webhook"
    ERASE_AUTHOR = "erase_author"
    ERASE_SUBREDDIT = "erase_subreddit"


class OperationState(StrEnum):
    PENDING = "pending"  # no chunk of the change is done yet
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = (
        "failed"  # the same chunk failed TRIES_MAX times; the changes of earlier chunks are kept
    )


class BatchResult(StrEnum):
    """How an operation affected one of its rows: a step, a delivery, or stored content."""

    CANCELLED = "cancelled"
    KEPT = "kept"  # not cancelled, because other requests share the job
    ENDED = "ended"  # the job has already ended, and the resolver ends the step
    RETRIED = "retried"  # the step follows its retried job
    PENDING = "pending"  # the resolver enqueues the step again
    FOLLOWS = "follows"  # the job is live already, and the step follows it
    BOOSTED = "boosted"
    DELETED = "deleted"
    REPLAYED = "replayed"  # the delivery of a webhook is attempted again
    ERASED = "erased"  # the row has lost its content, or was deleted
    UNCHANGED = "unchanged"  # the priority is already the highest


@dataclass(frozen=True)
class Operation:
    """A row of the table operations. All times have the time zone UTC.

    `kind` and `resource_type` can have values of later releases.
    """

    id: int
    kind: str
    resource_type: str
    resource_id: int
    parameters: Mapping[str, Any]
    state: OperationState
    created_at: datetime
    created_by: str
    request_id: str | None
    traceparent: str | None
    changed_at: datetime
    finished_at: datetime | None
    total: int
    done: int
    position: int
    counts: Mapping[str, int]
    jobs_changed: int
    kept_jobs: Sequence[int]
    errors: Sequence[str]
    error_count: int
    failed_tries: int
