"""The parts (optional requests) of a subreddit that this crawl or earlier crawls gave up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from crawljobs.domain.missing_part import LISTINGS, MissingPart, PartKind

Key = tuple[PartKind, str]


class KnownParts:
    """Holds the missing parts by kind and item. A listing has at most one missing part (a page)."""

    def __init__(self, parts: Iterable[MissingPart]) -> None:
        self._parts: dict[Key, MissingPart] = {}
        for part in parts:
            self.add(part)

    def get(self, kind: PartKind, item: str = "") -> MissingPart | None:
        return self._parts.get(key_of(kind, item))

    def all(self) -> list[MissingPart]:
        return list(self._parts.values())

    def due(self, *kinds: PartKind, now: datetime) -> list[MissingPart]:
        """Return the parts of these kinds whose next try is due."""
        return [part for part in self._of(kinds) if part.is_due(now)]

    def not_due(self, *kinds: PartKind, now: datetime) -> set[str]:
        """Return the items (such as post ids) of parts of these kinds whose next try is not due."""
        return {part.item for part in self._of(kinds) if not part.is_due(now)}

    def add(self, part: MissingPart) -> None:
        self._parts[key_of(part.kind, part.item)] = part

    def known_of(self, keys: Iterable[Key]) -> list[MissingPart]:
        """Return the missing parts that have one of these keys (a kind and an item)."""
        return [part for key in keys if (part := self.get(*key)) is not None]

    def remove(self, parts: Iterable[MissingPart]) -> None:
        for part in parts:
            self._parts.pop(key_of(part.kind, part.item), None)

    def _of(self, kinds: Sequence[PartKind]) -> list[MissingPart]:
        return [part for part in self._parts.values() if part.kind in kinds]


def key_of(kind: PartKind, item: str) -> Key:
    """Return the key of a part. All pages of one listing have the same key."""
    return (kind, "" if kind in LISTINGS else item)
