"""Parses the rarely used fields of an item into one bounded JSON object, the column `extra`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from crawljobs.domain import untrusted_text

# The fields of a post and of a comment that have no column of their own. They are stored under
# Reddit's names. A field that is null, false, 0 or empty is not stored. EXTRA_MAX limits all fields
# together. The fields are added in this order, so the small fields come first.
POST_FIELDS = (
    "author_flair_css_class",
    "author_flair_template_id",
    "gilded",
    "is_meta",
    "is_original_content",
    "link_flair_css_class",
    "pinned",
    "suggested_sort",
    "gallery_data",
    "poll_data",
    "media_metadata",
)
COMMENT_FIELDS = (
    "author_flair_css_class",
    "author_flair_template_id",
    "comment_type",
    "gilded",
    "media_metadata",
)
# The fields of one medium of `media_metadata` that are stored: id, kind, type, status, size and
# addresses. Previews, which are smaller copies of a picture, are left out, because they would need
# the most bytes.
MEDIUM_FIELDS = frozenset(
    ["dashUrl", "e", "ext", "hlsUrl", "id", "m", "s", "status", "t", "x", "y"]
)

OMITTED = "omitted"  # the key of the list of fields that do not fit into EXTRA_MAX
EXTRA_MAX = 16_384  # maximum size of the JSON of all fields of an item, in bytes
VALUES_MAX = 2_000  # maximum number of JSON values in one field
LEVELS_MAX = 6  # maximum depth of nested values; deeper values are dropped
TEXT_MAX = 2_000  # maximum length of a text, in characters
KEY_MAX = 100  # maximum length of a key, in characters

Data = Mapping[str, Any]


def read(data: Data, fields: Sequence[str]) -> dict[str, object] | None:
    """Return these fields of an item in clean form, or None if all fields are empty.

    The fields that do not fit into EXTRA_MAX are listed under OMITTED.
    """
    found: dict[str, object] = {}
    omitted, room = [], EXTRA_MAX
    for field in fields:
        value = data.get(field)
        if not value:
            continue
        if field == "media_metadata":
            value = _without_previews(value)
        cleaned = _Cleaner().clean(value, LEVELS_MAX)
        if not cleaned:
            continue
        size = len(json.dumps(cleaned, ensure_ascii=False).encode())
        if size > room:
            omitted.append(field)
            continue
        room -= size
        found[field] = cleaned
    if omitted:
        found[OMITTED] = omitted
    return found or None


def _without_previews(value: object) -> object:
    if not isinstance(value, dict):
        return None
    return {
        name: {key: medium[key] for key in MEDIUM_FIELDS & medium.keys()}
        for name, medium in islice(value.items(), VALUES_MAX)
        if isinstance(medium, dict)
    }


class _Cleaner:
    """Copies one JSON value without parts that cannot be stored. Stops after VALUES_MAX values."""

    def __init__(self) -> None:
        self._left = VALUES_MAX

    def clean(self, value: object, levels: int) -> object:
        """Return a value that Postgres can store as jsonb, or None."""
        self._left -= 1
        if isinstance(value, bool):
            return value
        if isinstance(value, str):
            return untrusted_text.text(value, limit=TEXT_MAX)
        if isinstance(value, int):
            return untrusted_text.integer(value)
        if isinstance(value, float):
            return value if abs(value) <= untrusted_text.INT8_MAX else None  # NaN becomes None
        if levels == 0:
            return None
        if isinstance(value, dict):
            return self._object(value, levels - 1)
        if isinstance(value, list):
            return [self.clean(each, levels - 1) for each in value if self._left > 0]
        return None

    def _object(self, value: dict[Any, Any], levels: int) -> dict[str, object]:
        cleaned: dict[str, object] = {}
        for key, each in value.items():
            if self._left <= 0:
                break
            name = untrusted_text.text(key, limit=KEY_MAX)
            inner = self.clean(each, levels)
            if name is not None and inner is not None:
                cleaned[name] = inner
        return cleaned
