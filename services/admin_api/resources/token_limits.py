"""Limits the tokens that a client may create or revoke with its own token.

The created or revoked token may not have more scopes or a later expiry time than the client's
token.
"""

from __future__ import annotations

from datetime import datetime

from admin_api.http import problems
from admin_api.http.request.identity import Identity
from admin_api.schemas.fields import rfc3339
from crawljobs.db.database import Connection
from crawljobs.domain import api_token
from crawljobs.domain.api_token import Token
from crawljobs.repository.operations import api_tokens


def expiry_of_child(
    conn: Connection, identity: Identity, requested: datetime | None
) -> datetime | None:
    """Return the expiry time of a new token, or None if the token never expires.

    `identity` is the token that creates the new token. If `requested` is None, both tokens expire
    at the same time. Raises a Problem if `requested` is in the past, or later than the expiry time
    of `identity`.
    """
    if requested is not None and api_tokens.is_past(conn, at=requested):
        raise problems.refuse_value("/expires_at", "expected a time in the future")
    own = _own(conn, identity)
    if own is None or own.expires_at is None:
        return requested
    if requested is not None and requested > own.expires_at:
        raise problems.Problem(
            "insufficient_lifetime",
            f"Your token expires at {rfc3339(own.expires_at)}; a token that it creates cannot "
            "expire later.",
            [problems.FieldError("/expires_at", "later than the expiry of your token")],
        )
    return requested or own.expires_at


def refuse_name_of_another(conn: Connection, identity: Identity, name: str) -> None:
    """Raise a Problem if the client may not create a token with this name.

    At most two valid tokens may have the same name, so that a client can rotate its token. If a
    valid token has the name, only this token or the bootstrap token may create the second token.
    Otherwise a client could use the name of another client.
    """
    live = api_tokens.live_of_name(conn, name=name, at_most=api_token.LIVE_PER_NAME)
    if live and identity.token_id is not None and identity.token_id not in live:
        raise problems.Problem(
            "duplicate_name",
            "A live token has this name. Only that token or the bootstrap token can create "
            "another one.",
            [problems.FieldError("/name", "belongs to another token")],
        )
    if len(live) >= api_token.LIVE_PER_NAME:
        raise problems.Problem(
            "too_many_tokens", "Revoke one of them first. GET /api/admin/tokens lists them."
        )


def refuse_beyond_own(conn: Connection, identity: Identity, other: Token) -> None:
    """Raise a Problem if the token of `identity` may not revoke the token `other`.

    - Every token may revoke itself.
    - The bootstrap token may revoke every token.
    - Any other token may not revoke a token that has a further scope or a later expiry time.
    """
    if identity.token_id in (None, other.id):
        return
    if missing := other.scopes - identity.scopes:
        raise problems.Problem(
            "insufficient_scope",
            f"That token has scopes that your token lacks: {', '.join(sorted(missing))}.",
        )
    own = _own(conn, identity)
    ends = None if own is None else own.expires_at
    if ends is not None and (other.expires_at is None or other.expires_at > ends):
        raise problems.Problem(
            "insufficient_lifetime",
            f"Your token expires at {rfc3339(ends)}, before that token.",
        )


def _own(conn: Connection, identity: Identity) -> Token | None:
    """Lock and return the token of `identity`. Return None for the bootstrap token.

    Until the transaction ends, the lock protects the token from being revoked. Raises a Problem if
    the token was revoked or has expired since its authentication.
    """
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
