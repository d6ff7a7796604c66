"""Names that people give to tokens and schedules: how they are compared, what they may hold."""

from __future__ import annotations

import re
import unicodedata

# Controls, format characters (such as one of no width), halves of surrogate pairs, line ends: two
# names that differ in these look the same, or break a line of a log.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Of other categories, and as invisible: fillers of Hangul and Khmer, the blank of Braille, and
# marks that only join, separate or steer their neighbours (Default_Ignorable_Code_Point).
_INVISIBLE = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f\u2800\u3164\uffa0"
)
# They choose between two pictures of the character before, as emoji keyboards do.
_VARIATION_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def normalized(name: str) -> str:
    """Normal form NFKC, without variation selectors and blanks at the ends; a run of blanks is one.

    Empty for a name of nothing else.
    """
    shown = _VARIATION_SELECTORS.sub("", name)
    return " ".join(unicodedata.normalize("NFKC", shown).split())


def unseen(name: str) -> str | None:
    """The first character that a name may not hold, as U+XXXX; None when there is none."""
    for character in name:
        if character in _INVISIBLE or unicodedata.category(character) in _UNSEEN:
            return f"U+{ord(character):04X}"
    return None


def key(name: str) -> str:
    """Equal for names that people take for the same one."""
    seen = (one for one in name if unicodedata.category(one) not in _UNSEEN - {"Cc"})
    return normalized(normalized("".join(seen)).casefold())
