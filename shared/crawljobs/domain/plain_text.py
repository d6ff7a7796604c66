"""Text from outside, made safe for a terminal, a log line, a row and a page."""

from __future__ import annotations

import re
import unicodedata

REPLACEMENT = "\ufffd"
# Control and format characters; among the latter are those that turn the direction of a text.
_DROPPED = frozenset({"Cc", "Cf", "Zl", "Zp"})
# White space that begins a new line or moves the cursor: one blank says as much.
_BREAKS = frozenset("\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029")
# In a text of several lines too: all controls but tab and line breaks, and what overrides the
# direction of the text after it.
_STEERING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_RUNS_OF_BLANKS = re.compile("  +")


def one_line(text: str, *, limit: int) -> str:
    """At most `limit` printable characters on one line.

    Line breaks and tabs become a blank, NUL and half a surrogate pair become U+FFFD, other control
    and format characters are dropped.
    """
    cut = text[:limit]
    if cut.isprintable():
        return cut
    return _RUNS_OF_BLANKS.sub(" ", "".join(map(_shown, cut))).strip()


def lines(text: str, *, limit: int) -> str:
    """The same for a text of several lines, which keeps its line breaks."""
    cut = text[:limit]
    if cut.isprintable():
        return cut
    return "\n".join("".join(map(_shown, line)) for line in cut.split("\n"))


def has_steering(text: str) -> bool:
    """Whether a character of the text could steer a terminal or reorder the text around it."""
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
