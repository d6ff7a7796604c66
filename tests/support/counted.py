"""Measure by how much the metrics of this process grew."""

import contextlib
from collections.abc import Iterator

import prometheus_client


@contextlib.contextmanager
def counted() -> Iterator[dict[str, float]]:
    """Yield a dict. At the end of the block, fill it with the growth of each sample that grew.

    The keys have the form `name{label values}`, without the prefix `crawl_`. A histogram has only
    the number of its observations.
    """
    before = _samples()
    grown: dict[str, float] = {}
    yield grown
    after = _samples()
    grown |= {
        name: value - before.get(name, 0.0)
        for name, value in after.items()
        if value != before.get(name, 0.0)
    }


def _samples() -> dict[str, float]:
    return {
        f"{sample.name.removeprefix('crawl_')}{{{','.join(sample.labels.values())}}}": sample.value
        for family in prometheus_client.REGISTRY.collect()
        if family.type in ("counter", "histogram") and family.name.startswith(("crawl", "http"))
        for sample in family.samples
        if sample.name.endswith(("_total", "_count"))
    }
