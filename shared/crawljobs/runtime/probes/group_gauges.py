"""The gauges of groups and their steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from crawljobs.domain.group_totals import GroupTotals


def families(found: GroupTotals) -> Iterator[Metric]:
    """Yield the metrics with the numbers of groups and steps in `found`."""
    yield _labelled("crawl_groups", "Open groups by state, up to 10,000.", "state", found.by_state)
    yield _labelled("crawl_steps", "Steps of the open groups by state.", "state", found.steps)
    yield _labelled(
        "crawl_recent_groups",
        "Outcomes of the newest 100 finished groups of the last day.",
        "outcome",
        found.recent,
    )
    yield GaugeMetricFamily(
        "crawl_group_oldest_pending_seconds",
        "Age of the oldest pending step of the groups that are not paused.",
        value=found.oldest_pending_seconds or 0.0,
    )


def _labelled(name: str, text: str, label: str, values: Mapping[Any, int]) -> GaugeMetricFamily:
    metric = GaugeMetricFamily(name, text, labels=[label])
    for value, count in values.items():
        metric.add_metric([value], count)
    return metric
