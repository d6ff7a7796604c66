"""The decoder accepts any bytes of a reply, and fails only with UpstreamTrouble."""

import json
import threading
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.exchange import decoding


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
    with pytest.raises(crawl_failures.UpstreamTrouble, match="expected JSON"):
        decoding.decode(content)


def test_a_reply_of_very_many_values_is_refused_before_they_take_memory() -> None:
    content = b'{"kind": "Listing", "data": {"children": [' + b"{}," * 2_000_000 + b"{}]}}"
    tracemalloc.start()
    try:
        with pytest.raises(crawl_failures.UpstreamTrouble, match="more than 200,000 values"):
            decoding.decode(content)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * len(content)


def test_commas_and_brackets_of_a_text_are_no_values() -> None:
    texts = [",[{" * 100_000, '\\"' * 100_000, "," * decoding.VALUES_MAX]
    assert decoding.decode(json.dumps(texts).encode()) == texts


@pytest.mark.parametrize("piece", ['{"a":1}', "[]", '""', "0"])
def test_just_as_many_values_as_allowed_are_read(piece: str) -> None:
    per_piece = 2 if piece[0] in "[{" else 1
    count = decoding.VALUES_MAX // per_piece
    assert len(decoding.decode(f"[{','.join([piece] * count)}]".encode())) == count
    with pytest.raises(crawl_failures.UpstreamTrouble, match="values"):
        decoding.decode(f"[{','.join([piece] * (count + 1))}]".encode())


def test_an_error_does_not_keep_the_text_of_the_reply_in_memory() -> None:
    with pytest.raises(crawl_failures.UpstreamTrouble) as caught:
        decoding.decode(b"[" + b"x" * 1_000)
    assert caught.value.__context__ is None


def test_large_replies_are_decoded_one_at_a_time_and_small_ones_at_any_time() -> None:
    large, entered = decoding.LARGE_BYTES + 1, threading.Event()

    def second() -> None:
        with decoding.turn(large):
            entered.set()

    with decoding.turn(large):
        thread = threading.Thread(target=second)
        thread.start()
        with decoding.turn(decoding.LARGE_BYTES):
            assert not entered.wait(0.05)
    thread.join(10)
    assert entered.is_set()


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(content: bytes) -> None:
    try:
        decoding.decode(content)
    except crawl_failures.UpstreamTrouble as error:
        # The message must be valid UTF-8, or it could not be stored.
        str(error).encode("utf-8")
