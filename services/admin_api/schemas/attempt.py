"""How claims of a job ended."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import Timestamp, described, identifier
from crawljobs.domain import job


class AttemptSchema(ma.Schema):
    """A claim that ended; deferrals in a row with the same reason are one attempt."""

    id = identifier("The attempt.")
    worker = fields.String(required=True)
    started_at = Timestamp(required=True)
    ended_at = Timestamp(required=True)
    outcome = fields.String(
        required=True, validate=validate.OneOf([outcome.value for outcome in job.AttemptOutcome])
    )
    error_kind = fields.String(required=True, allow_none=True)
    error_message = fields.String(required=True, allow_none=True)
    times = fields.Integer(
        required=True,
        metadata=described("How many deferrals it stands for; the other fields are of the last."),
    )
    first_started_at = Timestamp(
        required=True, allow_none=True, metadata=described("Of several, when the first began.")
    )
