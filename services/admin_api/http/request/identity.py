"""The token of a request: its name, its id and its scopes."""

from __future__ import annotations

from dataclasses import dataclass

from crawljobs.domain.access import Scope

BOOTSTRAP_NAME = "bootstrap"  # the actor of the token in ADMIN_API_TOKEN


@dataclass(frozen=True)
class Identity:
    """The token of a request. `key` is unique; two tokens may share a `name`."""

    name: str
    key: str
    scopes: frozenset[Scope]

    @property
    def token_id(self) -> str | None:
        """The token's id; None for the bootstrap token, which has no row."""
        return None if self.key == BOOTSTRAP_NAME else self.key

    @property
    def is_bootstrap(self) -> bool:
        """Whether this is the bootstrap token. It has no quota: the operator always gets access."""
        return self.token_id is None
