"""Converts the values in a checkpoint to JSON and back.

Each function raises TypeError, KeyError or ValueError if the saved value is damaged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from crawler_worker.crawl.checkpoints.forecast import NOTHING_KNOWN, Forecast
from crawljobs.domain import untrusted_text
from crawljobs.domain.coverage import Gap, ListingName, Walk, WalkEnd
from crawljobs.domain.missing_part import MissingPart, PartKind, PartReason
from crawljobs.domain.subreddit import AccessState


def plain(items: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return these (name, value) pairs as a dict for JSON, with times as ISO 8601 text."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in items
    }


def walk(saved: Mapping[str, Any] | None) -> Walk:
    if saved is None:
        return Walk()
    oldest_at, end = saved["oldest_at"], saved["end"]
    return Walk(
        oldest=None if saved["oldest"] is None else _item_id(saved["oldest"]),
        oldest_at=None if oldest_at is None else _time(oldest_at),
        end=None if end is None else WalkEnd(end),
    )


def access(saved: str | None) -> AccessState | None:
    return None if saved is None else AccessState(saved)


def gaps(saved: Sequence[Mapping[str, Any]] | None) -> tuple[Gap, ...]:
    return tuple(
        Gap(
            listing=ListingName(one["listing"]),
            from_item=_item_id(one["from_item"]),
            to_item=_item_id(one["to_item"]),
            to_at=_time(one["to_at"]),
        )
        for one in saved or ()
    )


def missing(saved: Sequence[Mapping[str, Any]] | None) -> tuple[MissingPart, ...]:
    return tuple(
        MissingPart(
            kind=PartKind(one["kind"]),
            item=str(one["item"]),
            reason=PartReason(one["reason"]),
            message=str(one["message"]),
            failures=int(one["failures"]),
            next_look_at=_time(one["next_look_at"]),
            seen_to=None if one["seen_to"] is None else _item_id(one["seen_to"]),
        )
        for one in saved or ()
        # Parts of an unknown kind or reason are skipped, because a newer release may have saved
        # them.
        if one["kind"] in set(PartKind) and one["reason"] in set(PartReason)
    )


def forecast(saved: dict[str, Any] | None) -> Forecast:
    if saved is None:
        return NOTHING_KNOWN
    return Forecast(total=int(saved["total"]), pace=float(saved["pace"]))


def anchors(saved: list[str] | None) -> tuple[str, ...]:
    names = tuple(str(name) for name in saved or ())
    if any(untrusted_text.full_name(name, kinds=("t1", "t3")) is None for name in names):
        raise ValueError("an anchor is no full name")
    return names


def names(saved: list[str] | None) -> tuple[str, ...] | None:
    return None if saved is None else tuple(str(name) for name in saved)


def _item_id(value: object) -> str:
    item_id = untrusted_text.base36(value)
    if item_id is None:
        raise ValueError("not an id")
    return item_id


def _time(value: object) -> datetime:
    time = datetime.fromisoformat(str(value))
    if time.tzinfo is None:
        raise ValueError("a time has no zone")
    return time
