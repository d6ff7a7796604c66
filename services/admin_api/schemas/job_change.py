"""What operators ask to be done to a job."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import Whole, described
from crawljobs.domain import job


class BoostSchema(ma.Schema):
    """How much to add."""

    boost = Whole(
        required=True,
        validate=validate.Range(min=1, max=job.PRIORITY_MAX),
        metadata=described("Points for base and effective priority; both stop at 100."),
    )


class PrioritySchema(ma.Schema):
    """The priority to set."""

    priority = Whole(
        required=True,
        validate=validate.Range(min=job.PRIORITY_MIN, max=job.PRIORITY_MAX),
        metadata=described("Base and effective; aging starts again from it."),
    )


# What operators may set, and by which verb; nobody can set crawling or succeeded by hand.
SETTABLE = ("queued", "failed", "cancelled")


def settable_status() -> fields.String:
    return fields.String(
        required=True,
        validate=validate.OneOf(SETTABLE),
        metadata=described(
            "`queued`: a finished job is retried, a waiting one is woken. `failed`: a live job is "
            "given up. `cancelled`: a live job is cancelled."
        ),
    )


class StatusSchema(ma.Schema):
    """The state to bring about."""

    status = settable_status()
