"""Each value from outside becomes a storable value or None, and raises no error."""

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawljobs.domain import untrusted_text

ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(min_value=-(10**40), max_value=10**40),
    st.floats(),
    st.text(st.characters(exclude_categories=())),
    st.binary(),
    st.lists(st.integers()),
    st.dictionaries(st.text(), st.integers()),
)


@given(ANYTHING)
def test_nothing_raises_and_everything_can_be_stored(value: Any) -> None:
    text = untrusted_text.text(value, limit=20)
    assert text is None or (len(text) <= 20 and "\x00" not in text)
    if text is not None:
        text.encode("utf-8")  # raises if half of a surrogate pair is left
    for number in (untrusted_text.integer(value), untrusted_text.count(value)):
        assert number is None or -(2**63) < number < 2**63
    ratio = untrusted_text.ratio(value)
    assert ratio is None or 0 <= ratio <= 1
    moment = untrusted_text.time(value)
    assert moment is None or moment.tzinfo is UTC
    assert isinstance(untrusted_text.flag(value), bool)
    for name in (
        untrusted_text.base36(value),
        untrusted_text.account_name(value),
        untrusted_text.subreddit_name(value),
    ):
        assert name is None or name.isascii()


def test_text_is_cut_and_its_unstorable_characters_are_replaced() -> None:
    assert untrusted_text.text("a\x00b\ud800c", limit=4) == "a\ufffdb\ufffd"
    assert untrusted_text.text("\U0001f9d1\u202e<script>", limit=99) == "\U0001f9d1\u202e<script>"


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (7, 7),
        (7.9, 7),
        (-3, -3),
        (10**30, 2**63 - 1),
        (-(10**30), -(2**63 - 1)),
        (1e300, 2**63 - 1),
    ],
)
def test_a_number_is_made_to_fit(value: float, number: int) -> None:
    assert untrusted_text.integer(value) == number


@pytest.mark.parametrize("value", [None, "7", True, math.nan, math.inf, [7]])
def test_what_is_no_number_is_none(value: object) -> None:
    assert untrusted_text.integer(value) is None
    assert untrusted_text.time(value) is None
    assert untrusted_text.ratio(value) is None


def test_a_count_is_never_negative() -> None:
    assert untrusted_text.count(-5) == 0


@pytest.mark.parametrize("value", [0, -1, 1e300, -1e300, 10**400])
def test_a_time_outside_of_history_is_none(value: float) -> None:
    assert untrusted_text.time(value) is None


def test_a_time_is_aware() -> None:
    assert untrusted_text.time(1594453485.0) == datetime(2020, 7, 11, 7, 44, 45, tzinfo=UTC)


@pytest.mark.parametrize("value", ["[deleted]", "a b", "a/b", "", "x" * 65, "name\n", 7])
def test_these_are_no_accounts(value: object) -> None:
    assert untrusted_text.account_name(value) is None


@pytest.mark.parametrize("value", ["T3", "abc\n", "", "a" * 14, "../x", None])
def test_these_are_no_ids(value: object) -> None:
    assert untrusted_text.base36(value) is None


def test_a_full_name_must_be_of_the_kind_asked_for() -> None:
    assert untrusted_text.full_name("t3_abc", kinds=("t3",)) == "t3_abc"
    assert untrusted_text.full_name("t1_abc", kinds=("t3",)) is None
    assert untrusted_text.full_name("t3_", kinds=("t3",)) is None


@pytest.mark.parametrize(
    ("seconds", "is_time"),
    [(0.001, True), (4_102_444_799, True), (4_102_444_800, False), (4_102_444_801, False)],
)
def test_a_time_lies_between_1970_and_2100(seconds: float, is_time: bool) -> None:
    assert (untrusted_text.time(seconds) is not None) is is_time


@pytest.mark.parametrize(
    ("value", "ratio"), [(-1, 0.0), (0, 0.0), (0.05, 0.05), (0.97, 0.97), (1, 1.0), (7.5, 1.0)]
)
def test_a_ratio_is_limited_to_0_and_1(value: float, ratio: float) -> None:
    assert untrusted_text.ratio(value) == ratio


def test_a_number_of_any_size_is_limited() -> None:
    assert untrusted_text.integer(10**400) == 2**63 - 1
    assert [untrusted_text.count(value) for value in (0, 1, 10**400)] == [0, 1, 2**63 - 1]


def test_only_true_is_a_flag() -> None:
    assert [untrusted_text.flag(value) for value in (True, False, 1, "true", None)] == (
        [True, False, False, False, False]
    )


def test_usable_names_and_ids_stay_as_they_are() -> None:
    for name in ("a", "Some-user_1", "x" * 64):
        assert untrusted_text.account_name(name) == name
    for item_id in ("0", "abc9z", "z" * 13):
        assert untrusted_text.base36(item_id) == item_id
    for name in ("ab", "_x", "t:reddit.com", "x" * 24):
        assert untrusted_text.subreddit_name(name) == name
    for refused in ("a", "x" * 25, "-ab", 7):
        assert untrusted_text.subreddit_name(refused) is None
