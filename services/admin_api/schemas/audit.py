"""Schemas of the audit log."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import PageParameters, Timestamp, described, identifier, next_cursor
from admin_api.schemas.known import Known

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
        "actor": _text("Only entries of this actor: a token's name, or `system:<process>`."),
        "action": _text("Only this action, such as `retry`; `refused` for refused requests."),
        "resource_type": _text("Only entries about this type of resource, such as `crawl_job`."),
        "resource_id": _text("Only entries about this resource; best with `resource_type`."),
        "request_id": _text("Only entries of this request."),
        "token_id": _text("Only entries of the token with this `id`."),
        "since": Timestamp(
            load_default=None, metadata=described("Only entries at this time or later.")
        ),
        "until": Timestamp(load_default=None, metadata=described("Only entries before this time.")),
    }


AuditParameters = PageParameters.from_dict(_filters(), name="AuditParameters")

EXPORT_MAX = 100_000  # limit of entries in one response; `cursor` leads to further entries

ExportParameters = ma.Schema.from_dict(
    {
        **_filters(),
        "limit": fields.Integer(
            load_default=EXPORT_MAX,
            validate=validate.Range(min=1, max=EXPORT_MAX),
            metadata=described("The maximum number of entries in this response."),
        ),
        "cursor": fields.String(
            load_default=None,
            validate=validate.Length(min=1, max=1000),
            metadata=described(
                "`next` in the last line of a truncated export with the same filters."
            ),
        ),
        "format": fields.String(
            load_default="csv",
            validate=Known("ExportFormat", EXPORT_FORMATS),
            metadata=described("`csv`, or `jsonl` with one JSON object per line."),
        ),
    },
    name="ExportParameters",
)


class AuditEntrySchema(ma.Schema):
    """A change by an operator, or a refused change."""

    id = identifier("The entry.")
    at = Timestamp(required=True)
    actor = fields.String(
        required=True, metadata=described("The name of the token, or `system:<process>`.")
    )
    action = fields.String(required=True)
    resource_type = fields.String(required=True)
    resource_id = fields.String(required=True, allow_none=True)
    before = fields.Dict(required=True, allow_none=True, metadata=described("The state before."))
    after = fields.Dict(required=True, allow_none=True, metadata=described("The state after."))
    request_id = fields.String(required=True, allow_none=True)
    peer_address = fields.String(
        required=True, allow_none=True, metadata=described("The remote address of the connection.")
    )
    client_address = fields.String(
        required=True,
        allow_none=True,
        metadata=described("The address of the client behind trusted proxies."),
    )
    token_id = fields.String(
        required=True,
        allow_none=True,
        metadata=described("The token's `id`; null for the bootstrap token and for processes."),
    )
    db_role = fields.String(
        required=True,
        allow_none=True,
        metadata=described("The database role that wrote the row; null in old rows."),
    )
    transaction_id = fields.String(
        required=True,
        allow_none=True,
        metadata=described("The same for all rows of one transaction."),
    )


class AuditListSchema(ma.Schema):
    items = fields.List(fields.Nested(AuditEntrySchema), required=True)
    next = next_cursor()


class AuditDaysParameters(ma.Schema):
    days = fields.Integer(
        load_default=30,
        validate=validate.Range(min=1, max=60),
        metadata=described("The number of days, with today."),
    )


class AuditDaySchema(ma.Schema):
    """The entries of one day."""

    day = Timestamp(required=True, metadata=described("The start of the day in UTC."))
    entries = fields.Integer(required=True, metadata=described("Counting stops at 1,000."))


class AuditDaysSchema(ma.Schema):
    """The numbers of entries by day."""

    days = fields.List(
        fields.Nested(AuditDaySchema),
        required=True,
        metadata=described("The oldest day first. The last day is today, until now."),
    )
