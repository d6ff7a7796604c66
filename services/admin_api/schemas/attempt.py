"""The schema of attempts. An attempt is a claim that has ended."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.fields import Timestamp, described, identifier
from admin_api.schemas.known import known
from crawljobs.domain.attempt import AttemptOutcome


class AttemptSchema(ma.Schema):
    """A claim that has ended. Consecutive deferrals with the same reason are one attempt."""

    id = identifier("The attempt.")
    worker = fields.String(required=True)
    started_at = Timestamp(required=True)
    ended_at = Timestamp(required=True)
    outcome = fields.String(
        required=True,
        validate=known(AttemptOutcome),
    )
    error_kind = fields.String(required=True, allow_none=True)
    error_message = fields.String(required=True, allow_none=True)
    times = fields.Integer(
        required=True,
        metadata=described(
            "The number of deferrals in this attempt; the other fields describe the last one."
        ),
    )
    first_started_at = Timestamp(
        required=True,
        allow_none=True,
        metadata=described("When the first of several deferrals started; else null."),
    )
