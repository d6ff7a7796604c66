"""Secrets of webhook endpoints, derived from the master key. The database has no secret."""

from __future__ import annotations

import base64
import hashlib
import hmac

PREFIX = "whsec_"  # the start of each secret in Standard Webhooks; the key in base64 follows
MASTER_KEY_MIN = 32  # the least length of a master key in bytes


def signing_key(master_key: bytes, *, endpoint_id: int, version: int) -> bytes:
    """Return the key, 32 bytes, that signs the events for this endpoint.

    `version` is the version of the secret. Each rotation of the secret leads to a new version.

    Raises ValueError if the master key is shorter than MASTER_KEY_MIN.
    """
    if len(master_key) < MASTER_KEY_MIN:
        raise ValueError(f"the master key needs at least {MASTER_KEY_MIN} bytes")
    purpose = f"crawljobs webhook endpoint {endpoint_id:d} secret {version:d}"
    return hmac.new(master_key, purpose.encode(), hashlib.sha256).digest()


def shown_secret(key: bytes) -> str:
    """Return the secret in the form in which receivers store it: `whsec_` and base64."""
    return PREFIX + base64.b64encode(key).decode()
