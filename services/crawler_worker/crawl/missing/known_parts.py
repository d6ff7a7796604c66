"""The parts of a subreddit that earlier crawls, or this one, gave up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from crawljobs.domain.missing_part import LISTINGS, MissingPart, PartKind

Key = tuple[PartKind, str]


class KnownParts:
    """By kind and item. Of each listing there is one part at most, whatever its item is."""

    def __init__(self, parts: Iterable[MissingPart]) -> None:
        self._parts: dict[Key, MissingPart] = {}
        for part in parts:
            self.add(part)

    def get(self, kind: PartKind, item: str = "") -> MissingPart | None:
        return self._parts.get(key_of(kind, item))

    def all(self) -> list[MissingPart]:
        return list(self._parts.values())

    def due(self, *kinds: PartKind, now: datetime) -> list[MissingPart]:
        """The parts of these kinds to be asked for again now."""
        return [part for part in self._of(kinds) if part.is_due(now)]

    def not_due(self, *kinds: PartKind, now: datetime) -> set[str]:
        """The items of these kinds that are not to be asked for yet."""
        return {part.item for part in self._of(kinds) if not part.is_due(now)}

    def add(self, part: MissingPart) -> None:
        self._parts[key_of(part.kind, part.item)] = part

    def known_of(self, keys: Iterable[Key]) -> list[MissingPart]:
        """The parts among these."""
        return [part for key in keys if (part := self.get(*key)) is not None]

    def remove(self, parts: Iterable[MissingPart]) -> None:
        for part in parts:
            self._parts.pop(key_of(part.kind, part.item), None)

    def _of(self, kinds: Sequence[PartKind]) -> list[MissingPart]:
        return [part for part in self._parts.values() if part.kind in kinds]


def key_of(kind: PartKind, item: str) -> Key:
    """A part is known by it. Of a listing every page has the same."""
    return (kind, "" if kind in LISTINGS else item)
