"""The one shape of every error."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.http import problems
from admin_api.schemas.fields import described


class FieldErrorSchema(ma.Schema):
    pointer = fields.String(
        required=True,
        metadata=described(
            "JSON pointer to the value, or the query parameter.", example="/priority"
        ),
    )
    detail = fields.String(required=True, metadata=described("What is wrong with it."))


class ProblemSchema(ma.Schema):
    """RFC 9457."""

    type = fields.String(
        required=True, metadata=described("Where the code is explained.", format="uri-reference")
    )
    title = fields.String(required=True, metadata=described("What the code means."))
    status = fields.Integer(required=True, metadata=described("The HTTP status."))
    detail = fields.String(required=True, metadata=described("What to do about it."))
    instance = fields.String(required=True, metadata=described("The path that was asked for."))
    code = fields.String(
        required=True,
        metadata=described("For programs.", examples=sorted(problems.KINDS)),
    )
    request_id = fields.String(
        required=True, metadata=described("The same as in X-Request-Id, the log and the audit row.")
    )
    errors = fields.List(
        fields.Nested(FieldErrorSchema),
        required=True,
        validate=validate.Length(max=50),
        metadata=described("Each value at fault; empty when it is not about values."),
    )
