"""The pause doubles with each failure, up to its maximum. Its length is random within limits."""

import pytest

from crawljobs.runtime import backoff


def drawn(failures: int, **options: float) -> list[float]:
    return [backoff.pause_seconds(failures, first=0.5, **options) for _ in range(200)]


@pytest.mark.parametrize(
    ("failures", "exact"), [(1, 0.5), (2, 1.0), (3, 2.0), (6, 15.0), (10**6, 15.0)]
)
def test_the_pause_is_between_half_of_the_exact_pause_and_all_of_it(
    failures: int, exact: float
) -> None:
    pauses = drawn(failures, longest=15.0)
    assert exact / 2 <= min(pauses) < max(pauses) <= exact
    assert max(pauses) - min(pauses) > exact / 4


def test_the_least_share_can_be_nothing() -> None:
    assert min(drawn(1, least_share=0.0)) < 0.1


def test_many_failures_without_a_maximum_are_a_finite_pause() -> None:
    assert drawn(10**9)[0] < float("inf")
