"""Tests of the settings of Hypothesis for the whole test suite."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st


@settings(max_examples=5)
@given(st.builds(random.random))
def test_random_numbers_that_a_thread_draws_meanwhile_fail_no_property(number: float) -> None:
    """The strategy uses the global random generator, like a thread that runs at the same time."""
    assert 0 <= number < 1
