"""The schema of the token that sent the request."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.fields import Timestamp, described
from admin_api.schemas.known import known
from crawljobs.domain.api_token import Scope


class WhoamiSchema(ma.Schema):
    """The token of the request, without its secret."""

    name = fields.String(
        required=True, metadata=described("The name of the token: the actor in the audit log.")
    )
    token_id = fields.String(
        required=True,
        allow_none=True,
        metadata=described(
            "The public part of the token; null for the bootstrap token, ADMIN_API_TOKEN."
        ),
    )
    scopes = fields.List(
        fields.String(validate=known(Scope)),
        required=True,
        metadata=described("The permissions of the token, sorted."),
    )
    expires_at = Timestamp(
        required=True,
        allow_none=True,
        metadata=described("The token is not valid from this time on; null: it never expires."),
    )

    @ma.post_dump
    def _in_order(self, dumped: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**dumped, "scopes": sorted(dumped["scopes"])}
