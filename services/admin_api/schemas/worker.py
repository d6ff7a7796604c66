"""Schemas of the processes of the services."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.fields import PageParameters, Timestamp, described, next_cursor
from admin_api.schemas.job import JobSchema
from admin_api.schemas.known import Known

ROLES = ("admin-api", "crawler-worker", "scheduler")


class WorkerParameters(PageParameters):
    role = fields.String(
        load_default=None,
        validate=Known("WorkerRole", ROLES),
        metadata=described("Only processes of this service."),
    )


class WorkerSchema(ma.Schema):
    """A process that sends heartbeats."""

    name = fields.String(required=True)
    role = fields.String(required=True, validate=Known("WorkerRole", ROLES))
    version = fields.String(required=True)
    started_at = Timestamp(required=True)
    seen_at = Timestamp(required=True)
    alive = fields.Boolean(
        required=True,
        metadata=described("A heartbeat within the last minute; for information only."),
    )
    draining = fields.Boolean(
        required=True,
        metadata=described("At its last heartbeat, the worker was stopping: it claims no job."),
    )
    details = fields.Dict(required=True, metadata=described("Details that depend on the service."))
    jobs = fields.List(
        fields.Nested(JobSchema),
        required=True,
        metadata=described("The jobs that it crawls now; at most 1,000 jobs on a page."),
    )


class WorkerListSchema(ma.Schema):
    items = fields.List(fields.Nested(WorkerSchema), required=True)
    next = next_cursor()
