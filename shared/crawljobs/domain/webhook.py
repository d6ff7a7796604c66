"""Webhooks: the types of events, and the states of endpoints, deliveries and attempts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from crawljobs.domain.job import JobSource

ENDPOINTS_MAX = 50
URL_MAX = 2_000  # limit of an endpoint's URL in characters
DESCRIPTION_MAX = 1_000  # limit of an endpoint's description in characters
RESPONSE_MAX = 2_048  # only this number of bytes of an answer is stored
PREVIOUS_SECRET_HOURS = 24  # for this time after a rotation, the previous secret also signs
PREVIOUS_SECRET_HOURS_MAX = 168


class EventType(StrEnum):
    """The type of an event. The values are a part of the API: receivers compare them."""

    JOB_SUCCEEDED = "job.succeeded"
    JOB_FAILED = "job.failed"
    JOB_CANCELLED = "job.cancelled"
    GROUP_FINISHED = "group.finished"
    GROUP_STEP_FAILED = "group.step_failed"  # the first failed step in a run of a group
    SCHEDULE_DISABLED = "schedule.disabled"
    SCHEDULE_MISSED = "schedule.missed"
    SUBREDDIT_ACCESS_CHANGED = "subreddit.access_changed"
    BUDGET_PAUSED = "budget.paused"
    WEBHOOK_DISABLED = "webhook.disabled"
    TEST_PING = "test.ping"  # only a ping of an endpoint has this type


# The types of events that an endpoint can subscribe to.
SUBSCRIBABLE = tuple(kind for kind in EventType if kind is not EventType.TEST_PING)


class EndpointState(StrEnum):
    ENABLED = "enabled"
    DISABLED = "disabled"


class DisabledReason(StrEnum):
    """The cause for which an endpoint is disabled."""

    OPERATOR = "operator"  # an operator disabled the endpoint; it gets no events
    GONE = "gone"  # the receiver answered 410; deliveries are held
    FAILING = "failing"  # no attempt succeeded for days; deliveries are held


class DeliveryState(StrEnum):
    """The state of the delivery of one event to one endpoint."""

    PENDING = "pending"  # the delivery waits for the time of its next attempt
    HELD = "held"  # the endpoint is disabled; when it is enabled, the delivery becomes pending
    DELIVERED = "delivered"
    FAILED = "failed"  # all attempts failed
    DROPPED = "dropped"  # the endpoint was deleted while the delivery was pending or held


OPEN_DELIVERIES = frozenset({DeliveryState.PENDING, DeliveryState.HELD})


class DeliveryKind(StrEnum):
    EVENT = "event"
    REPLAY = "replay"
    PING = "ping"  # a ping is attempted only once


class AttemptResult(StrEnum):
    """The result of one attempt to deliver."""

    SUCCEEDED = "succeeded"  # the answer had a status from 200 to 299
    HTTP_ERROR = "http_error"  # the answer had another status, for example of a redirect
    TIMEOUT = "timeout"
    CONNECTION_FAILED = "connection_failed"
    TLS_FAILED = "tls_failed"
    INVALID_ANSWER = "invalid_answer"  # the answer is not a valid HTTP response
    PROXY_FAILED = "proxy_failed"
    REFUSED_ADDRESS = "refused_address"  # the guard of outbound connections refused the address
    DNS_FAILED = "dns_failed"
    INTERRUPTED = "interrupted"  # the process ended before it recorded the result


@dataclass(frozen=True)
class EndpointFilter:
    """Selects the events that an endpoint wants. An event must have each value that is not None."""

    group_id: int | None = None
    source: JobSource | None = None
    subreddit: str | None = None  # in lower case


@dataclass(frozen=True)
class Endpoint:
    """A row of the table webhook_endpoints. All times have the time zone UTC.

    `events` can have types of later releases.
    """

    id: int
    url: str
    description: str | None
    events: Sequence[str]
    filter: EndpointFilter
    state: EndpointState
    disabled_reason: DisabledReason | None
    disabled_detail: str | None
    disabled_at: datetime | None
    secret_version: int
    previous_secret_version: int | None
    previous_secret_until: datetime | None
    created_at: datetime
    created_by: str
    updated_at: datetime
    version: int
    last_success_at: datetime | None
    first_failure_at: datetime | None
    last_failure_at: datetime | None
