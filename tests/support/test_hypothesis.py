"""How Hypothesis is set up for the whole suite."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st


@settings(max_examples=5)
@given(st.builds(random.random))
def test_random_numbers_that_a_thread_draws_meanwhile_fail_no_property(number: float) -> None:
    """The strategy draws from the global generator, as a thread may at the same moment."""
    assert 0 <= number < 1
