"""Cursors: a signed position in a list, which clients cannot forge."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from admin_api.http import problems

_MAC_BYTES = 16
MAX_CHARACTERS = 512  # encode() never returns a longer cursor


class CursorSigner:
    """Makes and reads cursors. Processes with the same token accept each other's cursors."""

    def __init__(self, token: str) -> None:
        # A derived key: a cursor must not help an attacker to guess the token.
        self._key = hashlib.sha256(b"crawljobs cursor\0" + token.encode()).digest()

    def encode(self, *, listing: str, filters: Mapping[str, Any], position: list[Any]) -> str:
        """A cursor that is valid only for this listing with these filters."""
        payload = json.dumps(position, separators=(",", ":")).encode()
        mac = self._mac(payload, listing, filters)
        return base64.urlsafe_b64encode(mac + payload).rstrip(b"=").decode()

    def decode(self, cursor: str, *, listing: str, filters: Mapping[str, Any]) -> list[Any]:
        """The position in the cursor. Raises a Problem for a cursor that encode() did not make."""
        try:
            padded = cursor + "=" * (-len(cursor) % 4)
            raw = base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error):
            raw = b""
        mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(payload, listing, filters)):
            raise problems.Problem(
                "invalid_cursor",
                "Repeat the filters of the list this cursor came from, or begin without a cursor.",
                [problems.FieldError("/cursor", "not a cursor of this list")],
            )
        position: list[Any] = json.loads(payload)
        return position

    def _mac(self, payload: bytes, listing: str, filters: Mapping[str, Any]) -> bytes:
        scope = json.dumps([listing, dict(filters)], sort_keys=True, default=str).encode()
        message = len(scope).to_bytes(4, "big") + scope + payload
        return hmac.digest(self._key, message, "sha256")[:_MAC_BYTES]
