"""Random tests that can be repeated, because the name of each failed test contains the seed."""

import os
import random
from collections.abc import Callable
from typing import TypeVar

import pytest

MANY = int(os.environ.get("SEEDS", "20"))  # seeds of each test with the option --deep
FIRST = int(os.environ.get("FIRST_SEED", "0"))  # the first seed of each test

Test = TypeVar("Test", bound=Callable[..., None])


def seeded(few: int) -> Callable[[Test], Test]:
    """Run the test with `few` different values of `seed`, or with MANY values under --deep."""

    def mark(test: Test) -> Test:
        test.few_seeds = few  # type: ignore[attr-defined]
        return test

    return mark


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Add the parameter `seed` to tests with `seeded`. pytest_generate_tests calls this."""
    few = getattr(metafunc.function, "few_seeds", None)
    if few is None:
        return
    many = MANY if metafunc.config.option.deep else few
    seeds = range(FIRST, FIRST + many)
    metafunc.parametrize("seed", seeds, ids=[f"seed-{seed}" for seed in seeds])


def rng(seed: int, test: str) -> random.Random:
    """Return a random generator for this test. Tests with the same seed get different numbers."""
    return random.Random(f"{test} {seed}")
