"""Decodes the JSON of a reply in linear time, with limits for values and nesting."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from typing import Any

from crawler_worker.reddit import crawl_failures

DEPTH_MAX = 200  # nested brackets; 10 levels of replies nest about 50 deep
DIGITS_MAX = 25  # an int8 has 19; Python raises an error for a number of thousands of digits
TOO_LARGE = int("9" * DIGITS_MAX)

# A tree of 500 comments has 34,000 values. A value costs up to 200 bytes, also one of 3 characters.
VALUES_MAX = 200_000
# Above this size, replies are decoded one at a time: the memory of several would add up.
LARGE_BYTES = 64 * 1024

# The pattern also matches an unterminated string, up to the end of the text. Otherwise the search
# would start again at each escaped quote in it, which takes quadratic time.
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)'
_STRING_OR_BRACKET = re.compile(_STRING + r"|[\[\]{}]", re.DOTALL)
_STRING_OR_VALUE = re.compile(_STRING + r"|[\[{,]", re.DOTALL)
_turn = threading.Lock()


@contextlib.contextmanager
def turn(size: int) -> Iterator[None]:
    """Hold this while a reply of `size` bytes is decoded and parsed: one large reply at a time."""
    if size <= LARGE_BYTES:
        yield
        return
    with _turn:
        yield


def decode(content: bytes) -> Any:
    """The JSON value. Raises UpstreamTrouble for invalid JSON, and for too many values."""
    text = content.decode("utf-8", "replace")
    if _has_too_many_values(text):
        raise crawl_failures.UpstreamTrouble(f"a reply of more than {VALUES_MAX:,} values")
    # The error is raised outside the handler: as its context, the decoder's error would keep the
    # whole text in memory.
    with contextlib.suppress(ValueError, RecursionError):
        try:
            return _DECODER.decode(text)
        except RecursionError:
            return _DECODER.decode("".join(_without_depths(text)))
    start = text[:40].encode("ascii", "backslashreplace").decode()
    raise crawl_failures.UpstreamTrouble(f"expected JSON, got {start!r}...")


def _has_too_many_values(text: str) -> bool:
    """Whether the text has more than VALUES_MAX commas and opening brackets outside of strings."""
    if text.count(",") + text.count("[") + text.count("{") <= VALUES_MAX:
        return False  # the usual case; the slower search below skips the strings
    values = 0
    for match in _STRING_OR_VALUE.finditer(text):
        if text[match.start()] != '"':
            values += 1
            if values > VALUES_MAX:
                return True
    return False


def _integer(digits: str) -> int:
    if len(digits) <= DIGITS_MAX:
        return int(digits)
    return -TOO_LARGE if digits.startswith("-") else TOO_LARGE


_DECODER = json.JSONDecoder(parse_int=_integer, parse_constant=lambda _: None)


def _without_depths(text: str) -> Iterator[str]:
    """The text, with null in place of all values nested deeper than DEPTH_MAX."""
    depth = kept = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        mark = text[match.start()]
        if mark in "[{":
            depth += 1
            if depth == DEPTH_MAX:
                yield text[kept : match.start()]
                yield "null"
        elif mark in "]}":
            if depth == DEPTH_MAX:
                kept = match.end()
            depth -= 1
            if depth < 0:  # invalid JSON: the rest is not needed
                yield text[kept : match.end()]
                return
    if depth < DEPTH_MAX:
        yield text[kept:]
