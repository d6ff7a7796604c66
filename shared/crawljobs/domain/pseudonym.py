"""Pseudonyms of authors, computed with a key. Nobody can compute a pseudonym without it."""

from __future__ import annotations

import hashlib
import hmac

KEY_MIN = 32  # the least length of a key in bytes
PREFIX = "p_"
_HEX_DIGITS = 24  # 96 bits, so that two of a billion authors do not get the same pseudonym


def pseudonym(key: bytes, name: str) -> str:
    """Return the pseudonym for the name of an account: `p_` and 24 hexadecimal digits.

    The case of the name is ignored. The same key gives the same pseudonym in each export. Raises
    ValueError if the key is shorter than KEY_MIN.
    """
    if len(key) < KEY_MIN:
        raise ValueError(f"the key needs at least {KEY_MIN} bytes")
    message = f"crawljobs pseudonym {name.lower()}"
    digest = hmac.new(key, message.encode(), hashlib.sha256).hexdigest()
    return f"{PREFIX}{digest[:_HEX_DIGITS]}"
