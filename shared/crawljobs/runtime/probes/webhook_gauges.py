"""The gauges of webhooks."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from crawljobs.domain.webhook_totals import WebhookTotals


def families(found: WebhookTotals) -> Iterator[Metric]:
    """Yield the gauges that show these webhook totals in Prometheus."""
    endpoints = GaugeMetricFamily(
        "crawl_webhook_endpoints",
        "Endpoints of webhooks: enabled, or disabled for a reason.",
        labels=["state"],
    )
    for condition, count in found.endpoints.items():
        endpoints.add_metric([condition], count)
    yield endpoints
    deliveries = GaugeMetricFamily(
        "crawl_webhook_deliveries",
        "Deliveries that have not ended, up to 10,000 of each endpoint and state.",
        labels=["state"],
    )
    deliveries.add_metric(["pending"], found.pending)
    deliveries.add_metric(["held"], found.held)
    yield deliveries
    yield GaugeMetricFamily(
        "crawl_webhook_oldest_undelivered_seconds",
        "Age of the oldest event that waits for an enabled endpoint; replays do not count.",
        value=found.oldest_undelivered_seconds,
    )
