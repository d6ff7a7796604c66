"""Make untrusted text safe for a terminal, a log line, a row and a page."""

from __future__ import annotations

import re
import unicodedata

REPLACEMENT = "\ufffd"
# Control and format characters; the latter include those that change the text direction.
_DROPPED = frozenset({"Cc", "Cf", "Zl", "Zp"})
# White space that starts a new line or moves the cursor; it becomes one blank.
_BREAKS = frozenset("\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029")
# All control characters except tab and line breaks, and characters that override the direction of
# the text after them.
_STEERING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_RUNS_OF_BLANKS = re.compile("  +")


def one_line(text: str, *, limit: int) -> str:
    """At most `limit` printable characters on one line.

    Line breaks and tabs become a blank; NUL and unpaired surrogates become U+FFFD; other control
    and format characters are dropped.
    """
    cut = text[:limit]
    if cut.isprintable():
        return cut
    return _RUNS_OF_BLANKS.sub(" ", "".join(map(_shown, cut))).strip()


def lines(text: str, *, limit: int) -> str:
    """At most `limit` characters, cleaned as by `one_line`; line breaks stay."""
    cut = text[:limit]
    if cut.isprintable():
        return cut
    return "\n".join("".join(map(_shown, line)) for line in cut.split("\n"))


def has_steering(text: str) -> bool:
    """Whether the text holds a character that controls a terminal or reorders text."""
    return not text.isprintable() and _STEERING.search(text) is not None


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    if character in _BREAKS:
        return " "
    category = unicodedata.category(character)
    if character == "\0" or category == "Cs":
        return REPLACEMENT
    return "" if category in _DROPPED else character
