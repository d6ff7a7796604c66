"""Bytes of a reply, read whatever they are."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler_worker.reddit import decoding, failures


def test_what_is_no_number_in_json_is_read_as_null() -> None:
    assert decoding.decode(b'{"a": NaN, "b": [Infinity, -Infinity]}') == {
        "a": None,
        "b": [None] * 2,
    }


def test_a_number_of_a_million_digits_is_read_as_a_huge_one() -> None:
    value = decoding.decode(b'{"score": -' + b"9" * 1_000_000 + b', "x": 1}')
    assert value == {"score": -decoding.TOO_LARGE, "x": 1}


def test_bytes_that_are_not_utf8_are_replaced() -> None:
    assert decoding.decode(b'{"title": "\xff\xfe"}') == {"title": "\ufffd\ufffd"}


def test_what_is_nested_too_deep_becomes_null_and_the_rest_is_kept() -> None:
    deep = "[" * 100_000 + '"]}"' + "]" * 100_000
    objects = '{"a":' * 50_000 + "1" + "}" * 50_000
    text = f'[{{"title": "first [[{{"}}, {deep}, {objects}, {{"title": "last \\"]"}}]'
    first, nested, nested_too, last = decoding.decode(text.encode())
    assert (first, last) == ({"title": "first [[{"}, {"title": 'last "]'})
    assert json.dumps(nested).strip("[]") == "null"
    assert nested_too is not None


@pytest.mark.parametrize(
    "content",
    [b"", b"<!doctype html>", b'{"kind": "Listing", "data": {', b'"half', b"[" * 100_000, b"\x00"],
)
def test_what_is_cut_off_or_no_json_is_upstream_trouble(content: bytes) -> None:
    with pytest.raises(failures.UpstreamTrouble, match="expected JSON"):
        decoding.decode(content)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(content: bytes) -> None:
    try:
        decoding.decode(content)
    except failures.UpstreamTrouble as error:
        str(error).encode("utf-8")  # the message can be stored and shown
