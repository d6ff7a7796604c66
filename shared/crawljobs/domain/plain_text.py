"""Make untrusted text safe for a terminal, a log line, a database row and a web page."""

from __future__ import annotations

import re
import unicodedata

REPLACEMENT = "\ufffd"
# These Unicode categories are dropped: control characters, format characters and line separators.
# Some format characters change the direction of the text.
_DROPPED = frozenset({"Cc", "Cf", "Zl", "Zp"})
# White space that starts a new line or moves the cursor. Each of these characters becomes a blank.
_BREAKS = frozenset("\t\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029")
# All control characters except tab and line breaks, and characters that change the direction of the
# text after them.
_STEERING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_RUNS_OF_BLANKS = re.compile("  +")


def one_line(text: str, *, limit: int) -> str:
    """Return at most `limit` characters as one line of printable text.

    Line breaks and tabs become a blank. NUL and unpaired surrogates become U+FFFD. Other control
    and format characters are dropped.
    """
    cut = text[:limit]
    if cut.isprintable():
        return cut
    return _RUNS_OF_BLANKS.sub(" ", "".join(map(_shown, cut))).strip()


def lines(text: str, *, limit: int) -> str:
    """Return at most `limit` characters, cleaned as by `one_line`. Line breaks are kept."""
    cut = text[:limit]
    if cut.isprintable():
        return cut
    return "\n".join("".join(map(_shown, line)) for line in cut.split("\n"))


def has_steering(text: str) -> bool:
    """Return whether the text has a character that controls a terminal or reorders the text."""
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
