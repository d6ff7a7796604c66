"""Schemas of API tokens."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import PageParameters, Timestamp, described, next_cursor
from admin_api.schemas.known import known
from crawljobs.domain.api_token import Scope

SCOPES = [scope.value for scope in Scope]
# A pattern of the reserved names `system` and `bootstrap`, in upper and lower case. The pattern
# lists both cases, because JavaScript has no inline flag that ignores case.
_RESERVED = "[Ss][Yy][Ss][Tt][Ee][Mm]|[Bb][Oo][Oo][Tt][Ss][Tt][Rr][Aa][Pp]"
_NAME = f"(?!{_RESERVED})(?!.{{101}})[A-Za-z0-9][A-Za-z0-9._@-]*( [A-Za-z0-9._@-]+)*"


class TokenBodySchema(ma.Schema):
    """The name and the scopes of a new token."""

    name = fields.String(
        required=True,
        validate=validate.Regexp(
            f"{_NAME}\\Z",
            error="expected 1 to 100 letters, digits, spaces, . _ @ or -; a letter or digit first; "
            "no space at the end, no two spaces in a row; not beginning with bootstrap or system",
        ),
        metadata=described(
            "The actor in the audit log; case does not matter. Two live tokens may share a name, "
            "for rotation: the first token or the bootstrap token creates the second one.",
            example="release-robot",
            pattern=f"^{_NAME}$",
        ),
    )
    scopes = fields.List(
        fields.String(validate=known(Scope)),
        required=True,
        validate=validate.Length(min=1, max=len(SCOPES)),
        metadata=described(
            "The permissions. No scope includes another one, and you cannot grant scopes that your "
            "token lacks."
        ),
    )
    expires_at = Timestamp(
        load_default=None,
        allow_none=True,
        metadata=described(
            "The token is not valid from this time on. Absent or null: the expiry time of your "
            "token, or never."
        ),
    )


class TokenParameters(PageParameters):
    """The query parameters of the list of tokens."""


class TokenSchema(ma.Schema):
    """A token without its secret."""

    id = fields.String(required=True, metadata=described("The public part of the token."))
    name = fields.String(required=True)
    scopes = fields.List(fields.String(validate=known(Scope)), required=True)
    created_at = Timestamp(required=True)
    created_by = fields.String(required=True)
    created_by_id = fields.String(
        required=True,
        allow_none=True,
        metadata=described(
            "The `id` of the token that created it; null for the bootstrap token, or if unknown."
        ),
    )
    expires_at = Timestamp(required=True, allow_none=True)
    revoked_at = Timestamp(required=True, allow_none=True)
    revoked_by = fields.String(required=True, allow_none=True)
    last_used_at = Timestamp(
        required=True, allow_none=True, metadata=described("Up to one minute behind.")
    )
    live = fields.Boolean(required=True, metadata=described("Neither revoked nor expired."))

    @ma.post_dump
    def _in_order(self, dumped: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**dumped, "scopes": sorted(dumped["scopes"])}


class CreatedTokenSchema(TokenSchema):
    """A new token with its secret, which only this response shows."""

    token = fields.String(
        required=True, metadata=described("Store it safely: the API keeps only its hash.")
    )


class TokenListSchema(ma.Schema):
    items = fields.List(fields.Nested(TokenSchema), required=True)
    next = next_cursor()
