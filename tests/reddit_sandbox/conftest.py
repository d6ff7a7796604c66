"""A fixture: the tests of a module share one sandbox."""

from collections.abc import Iterator

import pytest

from support import reddit_sandbox
from support.reddit_sandbox import RunningSandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with reddit_sandbox.serve("--rate-limit", 100_000, "--slow-seconds", 0.3) as running:
        yield running
