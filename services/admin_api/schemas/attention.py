"""Schemas of the conditions that need the attention of an operator."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.fields import described
from admin_api.schemas.known import Known, known
from admin_api.schemas.stats import Rounded
from crawljobs.domain.attention import Severity
from crawljobs.domain.attention_table import CONDITIONS

CODES = [condition.code for condition in CONDITIONS]


class AttentionSchema(ma.Schema):
    """A condition that needs attention now."""

    code = fields.String(required=True, validate=Known("AttentionCode", CODES))
    severity = fields.String(
        required=True,
        validate=known(Severity),
        metadata=described("`critical` and `warning` are those of the alerts."),
    )
    value = Rounded(
        required=True,
        metadata=described("The number in the sentence: a count, a share, or seconds."),
    )
    sentence = fields.String(required=True, metadata=described("The condition in words."))
    remedy = fields.String(required=True, metadata=described("How the condition ends."))
    link = fields.String(
        required=True,
        metadata=described("A path of this API that shows the cause.", example="/api/admin/budget"),
    )
    alert = fields.String(
        required=True,
        allow_none=True,
        metadata=described("The alert of the same condition, with a section in the runbook."),
    )
