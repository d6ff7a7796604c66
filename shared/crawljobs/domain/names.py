"""Names of tokens and schedules: allowed characters, normal form and comparison."""

from __future__ import annotations

import re
import unicodedata

# Unicode categories: control characters, format characters (such as the zero-width space), unpaired
# surrogates, line separators. Names that differ only in these characters look the same. A line
# separator would also break a log line.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Invisible characters of other Unicode categories: fillers of Hangul and Khmer, the Braille blank,
# and marks that only affect the characters beside them (Default_Ignorable_Code_Point).
_INVISIBLE = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f\u2800\u3164\uffa0"
)
# A variation selector chooses a glyph of the character before it. Emoji keyboards insert variation
# selectors.
_VARIATION_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def normalized(name: str) -> str:
    """Return the name in the Unicode form NFKC, without variation selectors and outer blanks.

    Several blanks in a row become one blank. A name of only blanks and selectors becomes empty.
    """
    shown = _VARIATION_SELECTORS.sub("", name)
    return " ".join(unicodedata.normalize("NFKC", shown).split())


def unseen(name: str) -> str | None:
    """Return the first forbidden character of the name as U+XXXX, or None if there is none."""
    for character in name:
        if character in _INVISIBLE or unicodedata.category(character) in _UNSEEN:
            return f"U+{ord(character):04X}"
    return None


def key(name: str) -> str:
    """Return a key for the comparison of names. Names that look the same have the same key.

    The names may differ in case, in blanks, in format characters and in their Unicode form.
    """
    visible = (each for each in name if unicodedata.category(each) not in _UNSEEN - {"Cc"})
    return normalized(normalized("".join(visible)).casefold())
