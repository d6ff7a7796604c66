"""Names of tokens and schedules: allowed characters, normal form and comparison."""

from __future__ import annotations

import re
import unicodedata

# Controls, format characters (such as the zero-width space), unpaired surrogates, line separators.
# Names that differ only in these look the same, or break a log line.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Invisible characters of other categories: fillers of Hangul and Khmer, the Braille blank, and
# marks that only affect their neighbours (Default_Ignorable_Code_Point).
_INVISIBLE = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f\u2800\u3164\uffa0"
)
# Variation selectors choose a glyph of the character before them; emoji keyboards insert them.
_VARIATION_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def normalized(name: str) -> str:
    """The name in normal form NFKC, without variation selectors and outer blanks.

    A run of blanks becomes one blank. A name of only such characters becomes empty.
    """
    shown = _VARIATION_SELECTORS.sub("", name)
    return " ".join(unicodedata.normalize("NFKC", shown).split())


def unseen(name: str) -> str | None:
    """The first forbidden character of the name, as U+XXXX; None when there is none."""
    for character in name:
        if character in _INVISIBLE or unicodedata.category(character) in _UNSEEN:
            return f"U+{ord(character):04X}"
    return None


def key(name: str) -> str:
    """A comparison key; it is equal for names that look the same to people."""
    visible = (each for each in name if unicodedata.category(each) not in _UNSEEN - {"Cc"})
    return normalized(normalized("".join(visible)).casefold())
