"""The set of item ids that a crawl has seen. Its text form is saved in the checkpoint."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SAVED = re.compile(r"[0-9a-z/ ]*")


class Seen:
    """A set of ids in the order in which they were added. `text` is the saved form of the set.

    The constructor raises ValueError if `text` is not the saved form of a set.
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
        """Return the given ids that are not in the set, in their order and without duplicates."""
        return [item_id for item_id in dict.fromkeys(ids) if item_id not in self._ids]

    @property
    def text(self) -> str:
        return " ".join(self._ids)
