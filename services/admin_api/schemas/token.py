"""Tokens as the API takes and shows them."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import PageParameters, Timestamp, described, next_cursor
from crawljobs.domain.access import Scope

SCOPES = [scope.value for scope in Scope]
# Names of ours are reserved in any case, written for JavaScript's expressions too.
_RESERVED = "[Ss][Yy][Ss][Tt][Ee][Mm]|[Bb][Oo][Oo][Tt][Ss][Tt][Rr][Aa][Pp]"
_NAME = f"(?!{_RESERVED})(?!.{{101}})[A-Za-z0-9][A-Za-z0-9._@-]*( [A-Za-z0-9._@-]+)*"


class TokenBodySchema(ma.Schema):
    """Whose token, and what it allows."""

    name = fields.String(
        required=True,
        validate=validate.Regexp(
            f"{_NAME}\\Z",
            error="expected 1 to 100 letters, digits, blanks, . _ @ or -, a letter or digit first, "
            "no blank last or beside another; no name that begins with bootstrap or system",
        ),
        metadata=described(
            "The actor in the audit log; its case does not count. Two live tokens may share a "
            "name, for rotation: the second is made by the first, or by the bootstrap token.",
            example="release-robot",
            pattern=f"^{_NAME}$",
        ),
    )
    scopes = fields.List(
        fields.String(validate=validate.OneOf(SCOPES)),
        required=True,
        validate=validate.Length(min=1, max=len(SCOPES)),
        metadata=described(
            "What it allows; none includes another, and you cannot give more than you have."
        ),
    )
    expires_at = Timestamp(
        load_default=None,
        allow_none=True,
        metadata=described(
            "It is of no use from then on. Absent: when your own token expires, or never."
        ),
    )


class TokenParameters(PageParameters):
    """A page of tokens."""


class TokenSchema(ma.Schema):
    """A token without its secret."""

    id = fields.String(required=True, metadata=described("The part of it that may be shown."))
    name = fields.String(required=True)
    scopes = fields.List(fields.String(validate=validate.OneOf(SCOPES)), required=True)
    created_at = Timestamp(required=True)
    created_by = fields.String(required=True)
    created_by_id = fields.String(
        required=True,
        allow_none=True,
        metadata=described("The token that made it; null: the bootstrap token, or not known."),
    )
    expires_at = Timestamp(required=True, allow_none=True)
    revoked_at = Timestamp(required=True, allow_none=True)
    revoked_by = fields.String(required=True, allow_none=True)
    last_used_at = Timestamp(
        required=True, allow_none=True, metadata=described("At most a minute too old.")
    )
    live = fields.Boolean(required=True, metadata=described("Neither revoked nor expired."))

    @ma.post_dump
    def _in_order(self, dumped: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**dumped, "scopes": sorted(dumped["scopes"])}


class CreatedTokenSchema(TokenSchema):
    """A new token: this is the only time that it is shown."""

    token = fields.String(required=True, metadata=described("Keep it; it is not stored."))


class TokenListSchema(ma.Schema):
    items = fields.List(fields.Nested(TokenSchema), required=True)
    next = next_cursor()
