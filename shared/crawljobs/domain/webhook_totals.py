"""The numbers of webhooks that monitoring shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from crawljobs.domain.webhook import DisabledReason

COUNT_MAX = 10_000  # open deliveries of an endpoint and state that are counted


class EndpointCondition(StrEnum):
    """The state of an endpoint, with the reason if it is disabled."""

    ENABLED = "enabled"
    OPERATOR = DisabledReason.OPERATOR
    GONE = DisabledReason.GONE
    FAILING = DisabledReason.FAILING


@dataclass(frozen=True)
class WebhookTotals:
    """The endpoints by condition, and their open deliveries.

    `pending` and `held` count up to COUNT_MAX deliveries of each endpoint.
    `oldest_undelivered_seconds` is the age of the oldest event of which a delivery is pending or
    not made yet; replays do not count, and it is 0 without such an event.
    """

    endpoints: Mapping[EndpointCondition, int]
    pending: int
    held: int
    oldest_undelivered_seconds: float
