"""Keyed hashes of the names of erased authors. Without the key, no name leads to its hash."""

from __future__ import annotations

import hashlib
import hmac

_KEY_ID_DIGITS = 16


def name_hash(key: bytes, name: str) -> bytes:
    """Return the hash of the account with this name, in any case: 32 bytes.

    The message differs from the message of a pseudonym. So an exported pseudonym does not show
    whether its author was erased.
    """
    return hmac.digest(key, f"crawljobs erased author {name.lower()}".encode(), hashlib.sha256)


def key_id(key: bytes) -> str:
    """Return a short name of the key, by which another key is noticed. It discloses no key."""
    return hmac.digest(key, b"crawljobs key of content", hashlib.sha256).hex()[:_KEY_ID_DIGITS]
