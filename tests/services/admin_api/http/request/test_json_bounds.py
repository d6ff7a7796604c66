"""The bounds count the values and levels of a JSON text exactly, whatever its strings contain."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin_api.http.request import json_bounds
from admin_api.http.request.json_bounds import DEPTH_MAX, TooManyValues

# If the bounds counted commas and brackets inside strings, this string would exceed each bound.
HOSTILE = ',[{"\\' * 50

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='a,[]{}:"\\', max_size=9),
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.dictionaries(st.text(alphabet='a,[{"\\', max_size=4), inner, max_size=6)
    ),
    max_leaves=30,
)


def values_of(document: Any) -> int:
    """Return the number of values as the bounds count them. A list or an object is a value too."""
    match document:
        case dict():
            return 1 + sum(map(values_of, document.values()))
        case list():
            return 1 + sum(map(values_of, document))
    return 1


def openings_of(document: Any) -> int:
    match document:
        case dict():
            return 1 + sum(map(openings_of, document.values()))
        case list():
            return 1 + sum(map(openings_of, document))
    return 0


def depth_of(document: Any) -> int:
    match document:
        case dict():
            return 1 + max(map(depth_of, document.values()), default=0)
        case list():
            return 1 + max(map(depth_of, document), default=0)
    return 0


@pytest.mark.parametrize(
    "document",
    [
        [1, 2, 3, 4, 5],
        ["a", "b", HOSTILE],
        [HOSTILE, [1], [2], [3]],
        [HOSTILE, {"a": 1}, {HOSTILE: 2}],
        {HOSTILE: [[1, 2], [3, 4], [5, 6]]},
        [HOSTILE, *[[0]] * 40],
        [HOSTILE, [[[[[[[1]]]]]]]],
        {HOSTILE: {"a": {"b": {"c": {"d": [{"e": 1}]}}}}},
        {"jobs": [{"subreddit": HOSTILE, "priority": n} for n in range(20)]},
    ],
)
def test_as_many_values_as_allowed_pass_and_one_more_does_not(document: Any) -> None:
    text, values = json.dumps(document).encode(), values_of(document)
    json_bounds.check(text, values)
    with pytest.raises(TooManyValues, match=f"more than {values - 1:,} values"):
        json_bounds.check(text, values - 1)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("beside", ["", f"{json.dumps(HOSTILE)},"])
def test_as_many_levels_as_allowed_pass_and_one_more_does_not(opening: str, beside: str) -> None:
    def nested(levels: int) -> bytes:
        inner = opening * (levels - 1) + "1" + {"[": "]"}.get(opening, "}") * (levels - 1)
        return f"[{beside}{inner}]".encode()

    json_bounds.check(nested(DEPTH_MAX), 10_000)
    with pytest.raises(ValueError, match=f"more than {DEPTH_MAX} levels"):
        json_bounds.check(nested(DEPTH_MAX + 1), 10_000)


def test_many_lists_beside_each_other_are_not_deep() -> None:
    json_bounds.check(json.dumps([[[]]] * 100).encode(), 1_000)


@given(DOCUMENTS)
def test_no_document_within_the_bounds_is_refused(document: Any) -> None:
    """The bounds may count an empty list or object as two values: the list and a possible item."""
    text = json.dumps(document).encode()
    values = values_of(document)
    if depth_of(document) <= DEPTH_MAX:
        json_bounds.check(text, values + openings_of(document))
    if values > 1 and not any(empty in text for empty in (b"[]", b"{}")):
        with pytest.raises(TooManyValues):
            json_bounds.check(text, values - 1)
