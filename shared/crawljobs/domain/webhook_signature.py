"""The signature of a webhook, as Standard Webhooks 1.0.0 defines it.

A receiver computes the HMAC of `id.timestamp.body` with its secret, and compares it with each
signature of the header `webhook-signature`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

ID_HEADER = "webhook-id"
TIMESTAMP_HEADER = "webhook-timestamp"
SIGNATURE_HEADER = "webhook-signature"


def headers(
    *, message_id: str, sent_at: datetime, body: bytes, secrets: Sequence[bytes]
) -> dict[str, str]:
    """Return the three headers of an attempt that begins at `sent_at`.

    `secrets` are the keys, without the prefix `whsec_`, decoded from base64. While a secret is
    rotated, there are several keys, and the receiver accepts the signature by any of them. Raises
    ValueError without a secret, or if `sent_at` has no time zone.
    """
    if not secrets:
        raise ValueError("expected at least one secret")
    if sent_at.tzinfo is None:
        raise ValueError("expected a time with a time zone")
    timestamp = int(sent_at.timestamp())
    signed = f"{message_id}.{timestamp}.".encode() + body
    digests = [hmac.new(secret, signed, hashlib.sha256).digest() for secret in secrets]
    return {
        ID_HEADER: message_id,
        TIMESTAMP_HEADER: str(timestamp),
        SIGNATURE_HEADER: " ".join(f"v1,{base64.b64encode(each).decode()}" for each in digests),
    }
