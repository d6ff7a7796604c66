"""How large a JSON text may be in values and in depth, counted before anything is built of it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

NUMBER_CHARACTERS = 64  # no number that we take has more
DEPTH_MAX = 16  # levels of lists and objects
# Possessive: whatever a string holds, each byte is looked at once.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")
_OPENING = (b"[", b"{")


class TooManyValues(ValueError):
    """The text holds more values than its reader takes."""


@dataclass(frozen=True)
class Bounds:
    bytes: int  # of a body as it is sent
    values: int  # numbers, texts, lists, objects; names of members are not counted


def check(text: bytes, values_max: int) -> None:
    """Raise ValueError when it is nested too deeply, TooManyValues when it holds too many.

    Takes time and memory in proportion to the bytes. Never refuses fewer values; text that is not
    JSON may pass, for the parser to refuse.
    """
    if _at_most(text) <= values_max and _openings(text) <= DEPTH_MAX:
        return
    structure = _STRING.sub(b'"', text)
    _check_depth(structure, values_max)
    if _at_most(structure) > values_max:
        raise _too_many(values_max)


def _at_most(text: bytes) -> int:
    """Values in the text: a list of n has n - 1 commas, and is a value itself."""
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
    """For the parser, which would take thousands of digits."""
    return int(_short(digits))


def decimal_number(digits: str) -> float:
    """The same; what is beyond a float's range would come out as infinite."""
    value = float(_short(digits))
    if math.isinf(value):
        raise ValueError("a number is too large")
    return value


def _short(digits: str) -> str:
    if len(digits) > NUMBER_CHARACTERS:
        raise ValueError(f"a number has more than {NUMBER_CHARACTERS} characters")
    return digits
