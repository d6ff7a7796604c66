"""Read the names, labels and label values of metrics, in /metrics and in expressions of PromQL."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

_SELECTOR = re.compile(r"\b((?:crawl|http)_[a-z_]+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'([a-z_]+)(=~|=)"([^"]*)"')
_GROUPED = re.compile(r"\bby \(([^)]*)\)")
_WORD = re.compile(r"[a-z_]+")
# Prometheus adds these labels to each series of a target.
OF_THE_TARGET = {"instance", "job"}


@dataclass
class Exposed:
    """The labels of a metric with their values, as running services export them."""

    labels: dict[str, set[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Selector:
    """A metric in an expression, with the plain words that it selects for each label."""

    name: str
    values: dict[str, set[str]]


def exposed(pages: Iterable[str]) -> dict[str, Exposed]:
    """Return the metrics of all these pages by name. Counters have the suffix _total."""
    found: dict[str, Exposed] = {}
    for page in pages:
        for family in text_string_to_metric_families(page):
            for sample in family.samples:
                metric = found.setdefault(sample.name, Exposed())
                for label, value in sample.labels.items():
                    metric.labels.setdefault(label, set()).add(value)
    return found


def selectors(expression: str) -> list[Selector]:
    return [
        Selector(
            name,
            {
                label: {word for word in value.split("|") if _WORD.fullmatch(word)}
                for label, _, value in _MATCHER.findall(matchers)
            },
        )
        for name, matchers in _SELECTOR.findall(expression)
    ]


def grouped_by(expression: str) -> set[str]:
    """Return the labels by which the expression groups series."""
    groups = (group.split(",") for group in _GROUPED.findall(expression))
    return {label.strip() for group in groups for label in group}
