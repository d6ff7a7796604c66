"""What a token may do to other tokens: nothing beyond its own scopes and its own end."""

from __future__ import annotations

from datetime import datetime

from admin_api.http import problems
from admin_api.http.auth import Identity
from admin_api.schemas.fields import refuse_value, rfc3339
from crawljobs.db.database import Connection
from crawljobs.domain import access
from crawljobs.domain.access import Token
from crawljobs.repository.operations import api_tokens


def expiry_of_child(
    conn: Connection, identity: Identity, asked: datetime | None
) -> datetime | None:
    """When a token that `identity` makes ends: at its maker's end at the latest. None: never."""
    if asked is not None and api_tokens.is_past(conn, at=asked):
        raise refuse_value("/expires_at", "expected a time in the future")
    own = _own(conn, identity)
    if own is None or own.expires_at is None:
        return asked
    if asked is not None and asked > own.expires_at:
        raise problems.Problem(
            "insufficient_lifetime",
            f"Your own token ends at {rfc3339(own.expires_at)}, and no other of yours later.",
            [problems.FieldError("/expires_at", "later than your own")],
        )
    return asked or own.expires_at


def refuse_name_of_another(conn: Connection, identity: Identity, name: str) -> None:
    """Keep the second place of a name for its owner, so that it can always be rotated."""
    live = api_tokens.live_of_name(conn, name=name, at_most=access.LIVE_PER_NAME)
    if live and identity.token_id is not None and identity.token_id not in live:
        raise problems.Problem(
            "duplicate_name",
            "A live token has this name: only that token or the bootstrap token makes another.",
            [problems.FieldError("/name", "belongs to another token")],
        )
    if len(live) >= access.LIVE_PER_NAME:
        raise problems.Problem(
            "too_many_tokens", "Revoke one of them first; see GET /api/admin/tokens."
        )


def refuse_beyond_own(conn: Connection, identity: Identity, other: Token) -> None:
    """Unless it is itself, a token revokes only what allows and lasts no more than it does."""
    if identity.token_id in (None, other.id):
        return
    if missing := other.scopes - identity.scopes:
        raise problems.Problem(
            "insufficient_scope",
            f"That token allows what yours does not: {', '.join(sorted(missing))}.",
        )
    own = _own(conn, identity)
    ends = None if own is None else own.expires_at
    if ends is not None and (other.expires_at is None or other.expires_at > ends):
        raise problems.Problem(
            "insufficient_lifetime",
            f"Your own token ends at {rfc3339(ends)}, and that one later.",
        )


def _own(conn: Connection, identity: Identity) -> Token | None:
    """Locked, so that it is not revoked meanwhile; None of the bootstrap token."""
    if identity.token_id is None:
        return None
    own = api_tokens.lock(conn, token_id=identity.token_id)
    if own is None or not own.live:
        raise problems.Problem(
            "invalid_token",
            "The token was revoked or expired during this request.",
            headers={"WWW-Authenticate": 'Bearer realm="crawljobs", error="invalid_token"'},
        )
    return own
