"""Marks the cells of a CSV file that a spreadsheet would run as formulas."""

from __future__ import annotations

# A spreadsheet treats a cell that begins with one of these characters as a formula. Some versions
# also accept the wide forms of = + - @, which keyboards for Chinese and Japanese produce.
STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def without_formula(text: str) -> str:
    """Return the text, after an apostrophe if a spreadsheet would run it as a formula."""
    return f"'{text}" if text.startswith(STARTS) else text
