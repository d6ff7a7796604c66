"""Cursors: a signed position in a list, which clients cannot forge."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from itsdangerous import BadData, URLSafeSerializer

from admin_api.http import problems


class CursorSigner:
    """Makes and reads cursors. Processes with the same ADMIN_API_TOKEN accept each
    other's cursors."""

    def __init__(self, token: str) -> None:
        self._token = token

    def encode(self, *, listing: str, filters: Mapping[str, Any], position: list[Any]) -> str:
        """A cursor that is valid only for this listing with these filters."""
        return self._serializer(listing, filters).dumps(position)

    def decode(self, cursor: str, *, listing: str, filters: Mapping[str, Any]) -> list[Any]:
        """The position in the cursor.

        Raises a Problem for a cursor of another list or of other filters, and for a text that no
        cursor is: also for a cursor of a release that signed otherwise.
        """
        try:
            position: list[Any] = self._serializer(listing, filters).loads(cursor)
        except (BadData, UnicodeEncodeError):
            raise problems.Problem(
                "invalid_cursor",
                "Repeat the filters of the list this cursor came from, or begin without a cursor.",
                [problems.FieldError("/cursor", "not a cursor of this list")],
            ) from None
        return position

    def _serializer(self, listing: str, filters: Mapping[str, Any]) -> URLSafeSerializer:
        scope = json.dumps([listing, dict(filters)], sort_keys=True, default=str)
        return URLSafeSerializer(
            self._token,
            salt=f"crawljobs cursor\0{scope}",  # the derived key depends on list and filters
            serializer_kwargs={"ensure_ascii": False},  # \uXXXX would lengthen names by half
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )
