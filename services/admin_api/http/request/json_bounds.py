"""Checks the number of values and the depth of a JSON text before the text is parsed."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

NUMBER_CHARACTERS = 64  # limit of a number's characters; no field of the API needs more
DEPTH_MAX = 16  # limit of the levels of nested lists and objects

# Possessive quantifiers do not backtrack, so each byte is read once.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")
_OPENING = (b"[", b"{")


class TooManyValues(ValueError):
    """The JSON text holds more values than allowed."""


@dataclass(frozen=True)
class Bounds:
    bytes: int  # limit of the body's length in bytes
    values: int  # limit of the number of values in the body; the names of members do not count


def check(text: bytes, values_max: int) -> None:
    """Raise ValueError for too deep nesting, and TooManyValues for more than `values_max` values.

    The check's time and memory grow linearly with the length of the text. Valid JSON within the
    limits always passes. A text that is not JSON may pass, because the parser refuses it later.
    """
    if _at_most(text) <= values_max and _openings(text) <= DEPTH_MAX:
        return
    structure = _STRING.sub(b'"', text)
    _check_depth(structure, values_max)
    if _at_most(structure) > values_max:
        raise _too_many(values_max)


def _at_most(text: bytes) -> int:
    """Return an upper bound for the number of values: commas, plus opening brackets, plus one.

    For a list of n numbers, the bound is n + 1: the list itself is a value too.
    """
    return text.count(b",") + _openings(text) + 1


def _openings(text: bytes) -> int:
    return sum(text.count(bracket) for bracket in _OPENING)


def _check_depth(structure: bytes, values_max: int) -> None:
    depth = opened = 0
    for bracket in _BRACKET.finditer(structure):
        if bracket[0] not in _OPENING:
            depth -= 1
            continue
        depth += 1
        opened += 1
        if depth > DEPTH_MAX:
            raise ValueError(f"it is nested more than {DEPTH_MAX} levels deep")
        if opened > values_max:
            raise _too_many(values_max)


def _too_many(values_max: int) -> TooManyValues:
    return TooManyValues(f"holds more than {values_max:,} values; send fewer at once")


def whole_number(digits: str) -> int:
    """Return the integer. Raises ValueError for too many digits, which json.loads would accept."""
    return int(_short(digits))


def decimal_number(digits: str) -> float:
    """Return the float. Raises ValueError if the number is too large or has too many characters."""
    value = float(_short(digits))
    if math.isinf(value):
        raise ValueError("a number is too large")
    return value


def _short(digits: str) -> str:
    if len(digits) > NUMBER_CHARACTERS:
        raise ValueError(f"a number has more than {NUMBER_CHARACTERS} characters")
    return digits
