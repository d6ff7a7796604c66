"""Random tests that can be repeated: the seed is in the test's name, hence in every failure."""

import os
import random
from collections.abc import Callable
from typing import TypeVar

import pytest

MANY = int(os.environ.get("SEEDS", "20"))  # under --deep
FIRST = int(os.environ.get("FIRST_SEED", "0"))  # other numbers, other histories

Test = TypeVar("Test", bound=Callable[..., None])


def seeded(few: int) -> Callable[[Test], Test]:
    """Give the test a `seed`: `few` of them in every run, MANY under --deep."""

    def mark(test: Test) -> Test:
        test.few_seeds = few  # type: ignore[attr-defined]
        return test

    return mark


def parametrize(metafunc: pytest.Metafunc) -> None:
    """To be called from pytest_generate_tests."""
    few = getattr(metafunc.function, "few_seeds", None)
    if few is None:
        return
    many = MANY if metafunc.config.option.deep else few
    seeds = range(FIRST, FIRST + many)
    metafunc.parametrize("seed", seeds, ids=[f"seed-{seed}" for seed in seeds])


def rng(seed: int, test: str) -> random.Random:
    """Each test has dice of its own: equal seeds do not choose equal moments everywhere."""
    return random.Random(f"{test} {seed}")
