"""Build the text form of SQL arrays. The driver would need 0.3 microseconds for each list item."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def of_words(words: Iterable[str]) -> str:
    """Return the array of these numbers or UUIDs, which have only letters, digits and hyphens."""
    return f"{{{','.join(words)}}}"


def of_texts(texts: Sequence[str | None]) -> str:
    """Return the array of any texts. None becomes NULL."""
    quoted = {text: _quoted(text) for text in {*texts}}  # most items of a batch are equal
    return f"{{{','.join([quoted[text] for text in texts])}}}"


def _quoted(text: str | None) -> str:
    if text is None:
        return "NULL"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
