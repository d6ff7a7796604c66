"""The numbers of endpoints and deliveries of webhooks. The metrics show these numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from crawljobs.domain.webhook import DisabledReason

COUNT_MAX = 10_000  # limit of the counted deliveries for each endpoint and state


class EndpointCondition(StrEnum):
    """The state of an endpoint, with the reason if it is disabled."""

    ENABLED = "enabled"
    OPERATOR = DisabledReason.OPERATOR
    GONE = DisabledReason.GONE
    FAILING = DisabledReason.FAILING


@dataclass(frozen=True)
class WebhookTotals:
    """The endpoints by condition, and their open deliveries.

    - `pending`, `held`: the count stops at COUNT_MAX deliveries of each endpoint.
    - `oldest_undelivered_seconds`: the age of the oldest event that has a pending delivery, or that
      has no delivery yet. 0 if there is no such event. Replays do not count.
    """

    endpoints: Mapping[EndpointCondition, int]
    pending: int
    held: int
    oldest_undelivered_seconds: float
