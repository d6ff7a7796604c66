"""The token of a request: its name, its id, its scopes and its expiry time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

BOOTSTRAP_NAME = "bootstrap"  # name of the bootstrap token, which is set in ADMIN_API_TOKEN


@dataclass(frozen=True)
class Identity:
    """The token of a request. `key` is unique, but two tokens may have the same `name`."""

    name: str
    key: str
    scopes: frozenset[str]
    expires_at: datetime | None = None  # None: the token never expires

    @property
    def token_id(self) -> str | None:
        """Return the token's id, or None for the bootstrap token, which has no database row."""
        return None if self.key == BOOTSTRAP_NAME else self.key

    @property
    def is_bootstrap(self) -> bool:
        """Return whether this is the bootstrap token. It has no quota, so operators keep access."""
        return self.token_id is None
