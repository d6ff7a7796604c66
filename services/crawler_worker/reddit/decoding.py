"""From the bytes of a reply to values: bounded in size and depth, whatever the bytes are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from crawler_worker.reddit import failures

DEPTH_MAX = 200  # brackets; ten levels of replies nest about fifty deep
DIGITS_MAX = 25  # an int8 has 19; Python refuses to read numbers of thousands of digits
TOO_LARGE = int("9" * DIGITS_MAX)

_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)


def decode(content: bytes) -> Any:
    """The JSON value. Raises UpstreamTrouble when it is cut off or no JSON at all."""
    text = content.decode("utf-8", "replace")
    try:
        try:
            return _DECODER.decode(text)
        except RecursionError:
            return _DECODER.decode("".join(_without_depths(text)))
    except (ValueError, RecursionError) as error:
        start = text[:40].encode("ascii", "backslashreplace").decode()
        raise failures.UpstreamTrouble(f"expected JSON, got {start!r}...") from error


def _integer(digits: str) -> int:
    if len(digits) <= DIGITS_MAX:
        return int(digits)
    return -TOO_LARGE if digits.startswith("-") else TOO_LARGE


_DECODER = json.JSONDecoder(parse_int=_integer, parse_constant=lambda _: None)


def _without_depths(text: str) -> Iterator[str]:
    """The text with null in place of what is nested deeper than DEPTH_MAX."""
    depth = kept = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        mark = match.group()
        if mark in "[{":
            depth += 1
            if depth == DEPTH_MAX:
                yield text[kept : match.start()]
                yield "null"
        elif mark in "]}":
            if depth == DEPTH_MAX:
                kept = match.end()
            depth -= 1
    if depth < DEPTH_MAX:
        yield text[kept:]
