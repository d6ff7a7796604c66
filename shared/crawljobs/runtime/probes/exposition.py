"""The page /metrics: this process's counters, and gauges that are read at each page request."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from http import HTTPStatus

import prometheus_client
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from crawljobs.runtime import metrics  # noqa: F401 - this import registers the counters
from crawljobs.runtime.probes.probe_server import Answer, Page
from crawljobs.version import VERSION


class BuildInfo(Collector):
    """A gauge with labels for the name of the service, its version and the Python version."""

    def __init__(self, service: str) -> None:
        self._labels = {
            "service": service,
            "version": VERSION,
            "python": platform.python_version(),
        }

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(
            "crawl_build_info", "The version that runs.", labels=list(self._labels)
        )
        family.add_metric(list(self._labels.values()), 1)
        yield family


def page(registry: CollectorRegistry = prometheus_client.REGISTRY) -> Page:
    """Return a page that shows `registry` in the Prometheus text format."""
    # Series with the suffix `_created` would double the number of series. No alert or dashboard
    # uses them.
    prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

    def answer() -> Answer:
        text = prometheus_client.generate_latest(registry)
        return Answer(HTTPStatus.OK, text, prometheus_client.CONTENT_TYPE_LATEST)

    return answer
