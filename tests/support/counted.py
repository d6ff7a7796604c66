"""By how much the metrics of this process grew."""

import contextlib
from collections.abc import Iterator

import prometheus_client


@contextlib.contextmanager
def counted() -> Iterator[dict[str, float]]:
    """Filled at the end: each sample that grew, as `name{label values}`, and by how much.

    Samples are without the prefix `crawl_`; of a histogram only how often it was observed.
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
