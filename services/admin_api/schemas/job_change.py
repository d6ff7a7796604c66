"""Schemas of requests that change a job."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import Whole, described, truth
from admin_api.schemas.known import Known
from crawljobs.domain import job


class BoostChangeSchema(ma.Schema):
    """The points to add to a job's priority."""

    boost = Whole(
        required=True,
        validate=validate.Range(min=1, max=job.PRIORITY_MAX),
        metadata=described("Points to add to the base and effective priority, up to 100 each."),
    )


class PriorityChangeSchema(ma.Schema):
    """The new priority of a job."""

    priority = Whole(
        required=True,
        validate=validate.Range(min=job.PRIORITY_MIN, max=job.PRIORITY_MAX),
        metadata=described("The new base and effective priority; aging restarts from it."),
    )


# The states that operators can set. Only workers set crawling and succeeded.
SETTABLE = ("queued", "failed", "cancelled")


def settable_status() -> fields.String:
    return fields.String(
        required=True,
        validate=Known("SettableStatus", SETTABLE),
        metadata=described(
            "`queued` retries a finished job and wakes a waiting job. `failed` gives up a live "
            "job. `cancelled` cancels a live job."
        ),
    )


class StatusChangeSchema(ma.Schema):
    """The new state of a job."""

    status = settable_status()


class DeleteParameters(ma.Schema):
    """The query parameters of a request that deletes a job."""

    force = truth(
        load_default=False,
        metadata=described(
            "Delete the job also if steps of groups depend on it. The delete counts as a cancel."
        ),
    )
