"""The schema of the numbers of jobs that match a filter."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.fields import described
from admin_api.schemas.known import known
from crawljobs.domain import job


class JobMatchesSchema(ma.Schema):
    """How many jobs match a filter, by state."""

    by_status = fields.Dict(
        keys=fields.String(validate=known(job.JobStatus)),
        values=fields.Integer(),
        required=True,
        metadata=described("Only the states that a matching job can have."),
    )
    at_least = fields.List(
        fields.String(validate=known(job.JobStatus)),
        required=True,
        metadata=described(
            "States that may have more matching jobs than shown, because counting stops at 1,000, "
            "or after the newest 2,000 jobs of the state."
        ),
    )
    total = fields.Integer(required=True, metadata=described("The sum of the numbers."))
