"""The audit log as the API shows it."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import PageParameters, Timestamp, described, identifier, next_cursor

TEXT_MAX_CHARACTERS = 200
EXPORT_FORMATS = ("csv", "jsonl")


def _text(text: str) -> fields.String:
    return fields.String(
        load_default=None,
        validate=validate.Length(min=1, max=TEXT_MAX_CHARACTERS),
        metadata=described(text),
    )


def _filters() -> dict[str, fields.Field[Any]]:
    return {
        "actor": _text("Only what this actor did: a token's name, or `system:<process>`."),
        "action": _text("Only this action, such as `retry`; `refused`: what was not allowed."),
        "resource_type": _text("Only what was done to this sort of thing, such as `crawl_job`."),
        "resource_id": _text("Only what was done to this one; best with resource_type."),
        "request_id": _text("Only what this request did."),
        "token_id": _text("Only what this token did, whatever its name; a token's `id`."),
        "since": Timestamp(load_default=None, metadata=described("At this time or later.")),
        "until": Timestamp(load_default=None, metadata=described("Before this time.")),
    }


AuditParameters = PageParameters.from_dict(_filters(), name="AuditParameters")

EXPORT_MAX = 100_000  # entries of one answer; `cursor` goes on after them

ExportParameters = ma.Schema.from_dict(
    {
        **_filters(),
        "limit": fields.Integer(
            load_default=EXPORT_MAX,
            validate=validate.Range(min=1, max=EXPORT_MAX),
            metadata=described("How many entries this answer holds at most."),
        ),
        "cursor": fields.String(
            load_default=None,
            validate=validate.Length(min=1, max=1000),
            metadata=described(
                "`next` of the last line of an export with the same filters that was truncated."
            ),
        ),
        "format": fields.String(
            load_default="csv",
            validate=validate.OneOf(EXPORT_FORMATS),
            metadata=described("`csv`, or `jsonl`: a JSON object a line."),
        ),
    },
    name="ExportParameters",
)


class AuditEntrySchema(ma.Schema):
    """One administrative change, or one that was refused."""

    id = identifier("The entry.")
    at = Timestamp(required=True)
    actor = fields.String(
        required=True, metadata=described("The name of the token, or `system:<process>`.")
    )
    action = fields.String(required=True)
    resource_type = fields.String(required=True)
    resource_id = fields.String(required=True, allow_none=True)
    before = fields.Dict(required=True, allow_none=True, metadata=described("As it was."))
    after = fields.Dict(required=True, allow_none=True, metadata=described("As it is since."))
    request_id = fields.String(required=True, allow_none=True)
    peer_address = fields.String(
        required=True, allow_none=True, metadata=described("The other end of the connection.")
    )
    client_address = fields.String(
        required=True, allow_none=True, metadata=described("The client behind trusted proxies.")
    )
    token_id = fields.String(
        required=True,
        allow_none=True,
        metadata=described("The token's `id`; null: the bootstrap token, or a process."),
    )
    db_role = fields.String(
        required=True,
        allow_none=True,
        metadata=described("The database role that wrote the row; null: before this was kept."),
    )
    transaction_id = fields.String(
        required=True,
        allow_none=True,
        metadata=described("Equal for rows that were written by one transaction."),
    )


class AuditListSchema(ma.Schema):
    items = fields.List(fields.Nested(AuditEntrySchema), required=True)
    next = next_cursor()
