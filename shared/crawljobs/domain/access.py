"""API tokens: their form and their scopes."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

LIVE_PER_NAME = 2  # during a rotation: the old token and its successor
SECRET_BYTES = 32

_TOKEN = re.compile(r"cj_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")


class Scope(StrEnum):
    """A right of a token. No scope includes another scope."""

    READ = "read"
    JOBS = "jobs"
    SCHEDULES = "schedules"
    AUDIT = "audit"
    TOKENS = "tokens"


@dataclass(frozen=True)
class Token:
    """A token without its secret."""

    id: str
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None
    last_used_at: datetime | None
    live: bool  # neither revoked nor expired
    created_by_id: str | None  # the creating token; None: the bootstrap token, or unknown
    version: int  # changes with every change of the row


def new_token() -> tuple[str, str]:
    """A new random token, and the id that it contains. The id is no secret."""
    token_id = secrets.token_hex(6)
    return f"cj_{token_id}_{secrets.token_urlsafe(SECRET_BYTES)}", token_id


def id_of(token: str) -> str | None:
    """The id inside a token; None for a text that is no token of this API."""
    found = _TOKEN.fullmatch(token)
    return None if found is None else found[1]


def digest(token: str) -> bytes:
    """The hash that is stored for a token. Its 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
