"""Cursors for lists. A cursor is a signed position in a list, which clients cannot forge."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from itsdangerous import BadData, URLSafeSerializer

from admin_api.http import problems


class CursorSigner:
    """Makes and reads cursors.

    Processes that are configured with the same ADMIN_API_TOKEN accept each other's cursors.
    """

    def __init__(self, token: str) -> None:
        self._token = token

    def encode(self, *, listing: str, filters: Mapping[str, Any], position: list[Any]) -> str:
        """Return a cursor that is valid only for this listing with these filters."""
        return self._serializer(listing, filters).dumps(position)

    def decode(self, cursor: str, *, listing: str, filters: Mapping[str, Any]) -> list[Any]:
        """Return the position in the cursor.

        Raises a Problem if the cursor is invalid, or belongs to another list or to other filters. A
        cursor is also invalid if an earlier release signed it in a different way.
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
            # The key depends on the list and its filters, so a cursor is valid only for them.
            salt=f"crawljobs cursor\0{scope}",
            # Without escapes (\uXXXX), a cursor that contains a non-ASCII name is shorter.
            serializer_kwargs={"ensure_ascii": False},
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )
