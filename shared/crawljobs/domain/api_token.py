"""API tokens: the format of a token, and its scopes (rights)."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

# The maximum number of live tokens (neither revoked nor expired) with the same name. A rotation
# needs two live tokens: the old token and its successor.
LIVE_PER_NAME = 2
SECRET_BYTES = 32

_TOKEN = re.compile(r"cj_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")


class Scope(StrEnum):
    """A right that an API token can have. No scope includes another scope."""

    READ = "read"
    JOBS = "jobs"
    SCHEDULES = "schedules"
    AUDIT = "audit"
    TOKENS = "tokens"
    WEBHOOKS = "webhooks"
    CONTENT = "content"
    ERASE = "erase"


@dataclass(frozen=True)
class Token:
    """The stored data of an API token, without the secret.

    `scopes` can have scopes of later releases, which permit nothing in this release.
    """

    id: str
    name: str
    scopes: frozenset[str]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None
    last_used_at: datetime | None
    live: bool  # neither revoked nor expired
    # `created_by_id` is the id of the token that created this token. None: ADMIN_API_TOKEN created
    # this token, or the creator is unknown.
    created_by_id: str | None
    version: int  # a number that changes with every change of the row


def new_token() -> tuple[str, str]:
    """Return a new random token and its id. The id is a part of the token, and is no secret."""
    token_id = secrets.token_hex(6)
    return f"cj_{token_id}_{secrets.token_urlsafe(SECRET_BYTES)}", token_id


def id_of(token: str) -> str | None:
    """Return the id in `token`, or None if `token` does not have the form of this API's tokens."""
    found = _TOKEN.fullmatch(token)
    return None if found is None else found[1]


def digest(token: str) -> bytes:
    """Return the hash of a token, which is stored instead of the token.

    The hash needs no salt and need not be slow, because a token has 256 random bits.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
