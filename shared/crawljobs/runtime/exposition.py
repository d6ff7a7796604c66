"""What /metrics answers: the counters of this process, and gauges that are asked for."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from http import HTTPStatus

import prometheus_client
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from crawljobs.runtime import metrics  # noqa: F401 - their counters are there from the start
from crawljobs.runtime.probe_server import Answer, Page
from crawljobs.version import VERSION


class BuildInfo(Collector):
    """Which version of which service this is."""

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
    # A second time series for each, of when it was made: nobody asks for it.
    prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

    def answer() -> Answer:
        text = prometheus_client.generate_latest(registry)
        return Answer(HTTPStatus.OK, text, prometheus_client.CONTENT_TYPE_LATEST)

    return answer
