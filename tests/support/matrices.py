"""Parameters of tests with two dimensions, of which a run without --deep tries a part."""

from collections.abc import Collection
from typing import Any

import pytest


def each_once(rows: Collection[Any], columns: Collection[Any]) -> list[Any]:
    """Return all pairs as parameters. Most of them have the marker `deep`.

    The pairs without the marker contain each row and each column at least once. They are as few as
    possible.
    """
    first, second = [*rows], [*columns]
    default = {
        (number % len(first), number % len(second))
        for number in range(max(len(first), len(second)))
    }
    return [
        pytest.param(row, column, marks=() if (n, m) in default else pytest.mark.deep)
        for n, row in enumerate(first)
        for m, column in enumerate(second)
    ]
