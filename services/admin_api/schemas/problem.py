"""The schema of an error response."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import described
from admin_api.schemas.problem_kinds import KINDS


class FieldErrorSchema(ma.Schema):
    pointer = fields.String(
        required=True,
        metadata=described(
            "JSON pointer to the value, or the query parameter.", example="/priority"
        ),
    )
    detail = fields.String(required=True, metadata=described("The fault of the value."))


class ProblemSchema(ma.Schema):
    """An error as described by RFC 9457."""

    type = fields.String(
        required=True,
        metadata=described("A link to the meaning of the code.", format="uri-reference"),
    )
    title = fields.String(required=True, metadata=described("The meaning of the code."))
    status = fields.Integer(required=True, metadata=described("The HTTP status."))
    detail = fields.String(required=True, metadata=described("The cause, and how to fix it."))
    instance = fields.String(required=True, metadata=described("The requested path."))
    code = fields.String(
        required=True,
        metadata=described("The code of the error, for programs.", examples=sorted(KINDS)),
    )
    request_id = fields.String(
        required=True,
        metadata=described("The id in X-Request-Id, in the log and in the audit row."),
    )
    errors = fields.List(
        fields.Nested(FieldErrorSchema),
        required=True,
        validate=validate.Length(max=50),
        metadata=described("The invalid values; empty if the error is not about values."),
    )
