"""Names that people give to tokens and schedules: how they are compared, what they may hold."""

from __future__ import annotations

import unicodedata

# Controls, format characters (such as one of no width), halves of surrogate pairs, line ends: two
# names that differ in these look the same, or break a line of a log.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def normalized(name: str) -> str:
    """Normal form NFKC, without blanks at the ends; a run of blanks is one."""
    return " ".join(unicodedata.normalize("NFKC", name).split())


def unseen(name: str) -> str | None:
    """The first character that a name may not hold, as U+XXXX; None when there is none."""
    for character in name:
        if unicodedata.category(character) in _UNSEEN:
            return f"U+{ord(character):04X}"
    return None


def key(name: str) -> str:
    """Equal for names that people take for the same one."""
    seen = (one for one in name if unicodedata.category(one) not in _UNSEEN - {"Cc"})
    return normalized(normalized("".join(seen)).casefold())
