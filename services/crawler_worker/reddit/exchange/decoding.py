"""Decodes the JSON of a reply in linear time. The number of values and the nesting are limited."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from typing import Any

from crawler_worker.reddit import crawl_failures

# The maximum depth of nested brackets. A comment tree of 10 levels nests brackets about 50 deep.
DEPTH_MAX = 200
# The maximum number of digits of an integer. Postgres' int8 has up to 19 digits. Python's int()
# raises ValueError for more than 4,300 digits.
DIGITS_MAX = 25
TOO_LARGE = int("9" * DIGITS_MAX)

# The maximum number of JSON values in one reply. A tree of 500 comments has 34,000 values. A limit
# on the reply's size is not enough, because a value of 3 characters may use 200 bytes of memory.
VALUES_MAX = 200_000
# The size above which replies are decoded one at a time. Several large replies at the same time
# would use too much memory.
LARGE_BYTES = 64 * 1024

# The pattern also matches a string without an end, up to the end of the text. Otherwise the search
# would start again at each escaped quote in this string, which takes quadratic time.
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)'
_STRING_OR_BRACKET = re.compile(_STRING + r"|[\[\]{}]", re.DOTALL)
_STRING_OR_VALUE = re.compile(_STRING + r"|[\[{,]", re.DOTALL)
_turn = threading.Lock()


@contextlib.contextmanager
def turn(size: int) -> Iterator[None]:
    """Enter this context before a reply of `size` bytes is decoded, and leave it after parsing.

    Only one thread at a time may decode a large reply. The other threads wait here.
    """
    if size <= LARGE_BYTES:
        yield
        return
    with _turn:
        yield


def decode(content: bytes) -> Any:
    """Return the JSON value. Raises UpstreamTrouble for invalid JSON or too many values."""
    text = content.decode("utf-8", "replace")
    if _has_too_many_values(text):
        raise crawl_failures.UpstreamTrouble(f"a reply of more than {VALUES_MAX:,} values")
    # UpstreamTrouble is raised after this block. In an `except` block, its `__context__` would be
    # the decoder's error, which keeps the whole text in memory.
    with contextlib.suppress(ValueError, RecursionError):
        try:
            return _DECODER.decode(text)
        except RecursionError:
            return _DECODER.decode("".join(_without_depths(text)))
    start = text[:40].encode("ascii", "backslashreplace").decode()
    raise crawl_failures.UpstreamTrouble(f"expected JSON, got {start!r}...")


def _has_too_many_values(text: str) -> bool:
    """Return whether the text has over VALUES_MAX commas and opening brackets outside strings."""
    if text.count(",") + text.count("[") + text.count("{") <= VALUES_MAX:
        return False  # the count includes the characters inside strings
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
    """Yield the text in parts. `null` replaces each value that is nested deeper than DEPTH_MAX."""
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
            if depth < 0:  # the JSON is invalid, so the rest is not needed
                yield text[kept : match.end()]
                return
    if depth < DEPTH_MAX:
        yield text[kept:]
