"""Keyed hashes of the names of erased authors. Nobody can compute a hash without the key."""

from __future__ import annotations

import hashlib
import hmac

_KEY_ID_DIGITS = 16


def name_hash(key: bytes, name: str) -> bytes:
    """Return the hash of the name of an account, 32 bytes. The case of the name is ignored.

    The hash and the pseudonym of a name are computed from different messages. So an exported
    pseudonym does not show whether its author was erased.
    """
    return hmac.digest(key, f"crawljobs erased author {name.lower()}".encode(), hashlib.sha256)


def key_id(key: bytes) -> str:
    """Return a short text that differs from key to key. The text does not disclose the key."""
    return hmac.digest(key, b"crawljobs key of content", hashlib.sha256).hex()[:_KEY_ID_DIGITS]
