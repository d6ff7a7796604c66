"""Tests of figures: the verdict and the percentile."""

import pytest

from benchmarks.harness import Figure, percentile


@pytest.mark.parametrize(
    ("value", "limit", "at_least", "verdict"),
    [
        (5.0, None, None, ""),
        (5.0, 5.0, None, "holds"),
        (5.1, 5.0, None, "FALLS SHORT"),
        (0.8, None, 0.8, "holds"),
        (0.79, None, 0.8, "FALLS SHORT"),
    ],
)
def test_a_figure_falls_short_beyond_either_bound(
    value: float, limit: float | None, at_least: float | None, verdict: str
) -> None:
    figure = Figure("claim", value, "ms", limit=limit, at_least=at_least)
    assert figure.verdict == verdict
    assert bool(figure.must) == bool(verdict)


def test_a_percentile_of_a_hundred_is_not_exceeded_by_so_many_of_them() -> None:
    values = [float(n) for n in range(100, 0, -1)]
    assert [percentile(values, share) for share in (0.0, 0.5, 0.95, 0.99, 1.0)] == [
        1.0, 50.0, 95.0, 99.0, 100.0
    ]  # fmt: skip
    assert percentile([7.0], 0.99) == 7.0
