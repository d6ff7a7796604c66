"""A valid traceparent header is continued. An invalid header counts as absent."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawljobs.domain import trace_context
from crawljobs.domain.trace_context import TraceContext

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALID = f"00-{TRACE}-{SPAN}-01"


def test_a_valid_traceparent_is_read_and_written_as_it_was() -> None:
    found = trace_context.parse(VALID)
    assert found == TraceContext(TRACE, SPAN, sampled=True)
    assert str(found) == VALID


def test_flags_that_we_do_not_know_are_not_passed_on() -> None:
    assert str(trace_context.parse(f"00-{TRACE}-{SPAN}-fe")) == f"00-{TRACE}-{SPAN}-00"


def test_a_later_version_is_read_as_far_as_we_know_it() -> None:
    assert trace_context.parse(f"cc-{TRACE}-{SPAN}-01-what-the-future-holds") == (
        trace_context.parse(VALID)
    )


@pytest.mark.parametrize(
    "hostile",
    [
        None,
        "",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"{VALID}-more",
        f"cc-{TRACE}-{SPAN}-01.more",
        f"cc-{TRACE}-{SPAN}-01-{'x' * 300}",
        f" {VALID}",
        f"{VALID}\n",
        f"{VALID},{VALID}",
        VALID.replace("4", "\N{FULLWIDTH DIGIT FOUR}"),
        VALID.replace("-", "_"),
        VALID[:-1],
    ],
)
def test_what_is_not_valid_is_no_trace(hostile: str | None) -> None:
    assert trace_context.parse(hostile) is None


@given(st.text(max_size=300) | st.text(string.hexdigits + "-", min_size=50, max_size=60))
def test_any_text_is_a_trace_of_the_right_form_or_none(text: str) -> None:
    found = trace_context.parse(text)
    assert found is None or trace_context.parse(str(found)) == found


def test_a_child_stays_in_its_trace_under_a_span_of_its_own() -> None:
    parent = TraceContext(TRACE, SPAN, sampled=False)
    child = parent.child()
    assert (child.trace_id, child.sampled) == (TRACE, False)
    assert child.span_id != SPAN
    assert trace_context.parse(str(child)) == child


def test_ids_are_never_zero() -> None:
    drawn = iter([b"\0" * 16, b"\1" * 16, b"\0" * 8, b"\2" * 8])
    assert str(trace_context.new(lambda _size: next(drawn))) == f"00-{'01' * 16}-{'02' * 8}-01"


def test_a_header_may_be_256_characters_long() -> None:
    longest = f"cc-{TRACE}-{SPAN}-01-".ljust(256, "x")
    assert trace_context.parse(longest) == trace_context.parse(VALID)
    assert trace_context.parse(f"{longest}x") is None


def test_a_new_trace_is_sampled_and_has_ids_of_the_right_length() -> None:
    made = trace_context.new()
    assert trace_context.parse(str(made)) == made
    assert made.sampled


def test_an_id_may_contain_bytes_that_are_zero() -> None:
    made = trace_context.new(lambda size: b"\0" * (size - 1) + b"\1")
    assert (made.trace_id, made.span_id) == ("0" * 31 + "1", "0" * 15 + "1")
