"""The gauges of the deletion walk, which requests all stored posts and comments again."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from crawljobs.repository.content.deletion_checks.check_progress import CheckProgress


def families(found: CheckProgress | None) -> Iterator[Metric]:
    """Yield the gauges that show this progress in Prometheus. Without progress, yield none."""
    if found is None:
        return
    yield GaugeMetricFamily(
        "crawl_content_unchecked_age_seconds",
        "Age of the oldest look at a stored post or comment at Reddit.",
        value=found.unchecked_seconds,
    )
    yield GaugeMetricFamily(
        "crawl_content_check_interval_seconds",
        "Time within which all stored posts and comments are requested again.",
        value=found.interval_seconds,
    )
    yield GaugeMetricFamily(
        "crawl_content_checkable_share",
        "Share of the stored posts and comments that the budget can request within 48 hours.",
        value=found.share_in_48_hours,
    )
