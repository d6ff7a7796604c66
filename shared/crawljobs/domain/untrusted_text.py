"""Clean untrusted values before they are stored.

Each function accepts a value of any type, and returns a value that can be stored, or None. No
function raises an exception.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

INT8_MAX = 2**63 - 1
# The range of valid times, from 1970 to 2100, in seconds since the start of 1970.
TIME_MIN, TIME_MAX = 0.0, 4_102_444_800.0

# Postgres stores neither NUL nor unpaired surrogates. Control characters other than tab and line
# breaks have no meaning in a text, and could control the terminal that shows a row.
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_BASE36 = re.compile(r"[0-9a-z]{1,13}")
_ACCOUNT = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SUBREDDIT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{1,23}")


def text(value: object, *, limit: int) -> str | None:
    """Return at most `limit` characters, or None if the value is no text.

    NUL, other control characters and unpaired surrogates become U+FFFD.
    """
    if not isinstance(value, str):
        return None
    return _UNSTORABLE.sub("\ufffd", value[:limit])


def integer(value: object) -> int | None:
    """Return `value` as an integer, limited to the range of a Postgres int8.

    Returns None if `value` is not a finite number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
        return None
    return max(-INT8_MAX, min(INT8_MAX, int(value)))


def count(value: object) -> int | None:
    """Return `value` as a whole number, or None if it is no number. A negative number becomes 0."""
    number = integer(value)
    return None if number is None else max(0, number)


def ratio(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
        return None
    return float(max(0.0, min(1.0, value)))


def time(value: object) -> datetime | None:
    """Return a number of seconds since 1970 as a time in UTC, or None if it is out of range."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not TIME_MIN < value < TIME_MAX:  # for NaN, the comparison is false
        return None
    return datetime.fromtimestamp(value, UTC)


def flag(value: object) -> bool:
    return value is True


def base36(value: object) -> str | None:
    """Return a Reddit id (a base-36 number without a prefix such as t3_), or None if invalid."""
    return value if isinstance(value, str) and _BASE36.fullmatch(value) else None


def full_name(value: object, *, kinds: tuple[str, ...]) -> str | None:
    """Return a full name such as t3_abc, or None if it is invalid or not of these `kinds`."""
    if not isinstance(value, str):
        return None
    kind, _, bare = value.partition("_")
    return value if kind in kinds and base36(bare) else None


def account_name(value: object) -> str | None:
    return value if isinstance(value, str) and _ACCOUNT.fullmatch(value) else None


def subreddit_name(value: object) -> str | None:
    """Return a subreddit name that can be stored, or None.

    Some old names have a dot or a colon. They can be stored, but not crawled.
    """
    return value if isinstance(value, str) and _SUBREDDIT.fullmatch(value) else None


def _is_finite(value: int | float) -> bool:
    return isinstance(value, int) or math.isfinite(value)
