"""The set of ids that a walk has seen; its text form is saved with every page."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SAVED = re.compile(r"[0-9a-z/ ]*")


class Seen:
    """A set of ids in the order of their insertion. `text` is its saved form.

    Raises ValueError for a text that is not a saved form.
    """

    def __init__(self, text: str = "") -> None:
        if not isinstance(text, str) or _SAVED.fullmatch(text) is None:
            raise ValueError("the seen ids are damaged")
        self._ids = dict.fromkeys(text.split())

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._ids

    def add(self, ids: Iterable[str]) -> Seen:
        self._ids.update(dict.fromkeys(ids))
        return self

    def new_of(self, ids: Iterable[str]) -> list[str]:
        """The ids that are not in the set, without duplicates, in their order."""
        return [item_id for item_id in dict.fromkeys(ids) if item_id not in self._ids]

    @property
    def text(self) -> str:
        return " ".join(self._ids)
