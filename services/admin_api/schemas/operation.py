"""Schema of operations, which are large changes that workers make in chunks."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.direct_dump import DirectDump
from admin_api.schemas.fields import (
    PageParameters,
    Timestamp,
    described,
    identifier,
    next_cursor,
)
from admin_api.schemas.known import known
from crawljobs.domain.operation import ERRORS_MAX, KEPT_JOBS_MAX, OperationKind, OperationState


class OperationSummarySchema(DirectDump):
    """A change of more than 1,000 rows, without the lists of its jobs and errors."""

    id = identifier("The operation.")
    kind = fields.String(required=True, validate=known(OperationKind))
    resource_type = fields.String(
        required=True, metadata=described("The kind of the changed resource.", example="job_group")
    )
    resource_id = identifier("The changed resource.")
    state = fields.String(
        required=True,
        validate=known(OperationState),
        metadata=described(
            "`pending`, `running`, `succeeded` or `failed`. A failed operation has changed the "
            "first `done` rows. Send its request again to continue."
        ),
    )
    created_at = Timestamp(required=True)
    created_by = fields.String(required=True, metadata=described("The name of the token."))
    changed_at = Timestamp(required=True, metadata=described("The end of the last chunk."))
    finished_at = Timestamp(required=True, allow_none=True)
    total = fields.Integer(required=True, metadata=described("The rows that the request found."))
    done = fields.Integer(required=True, metadata=described("The handled rows."))
    counts = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        required=True,
        metadata=described("The number of handled rows by result, such as `cancelled`."),
    )
    jobs_changed = fields.Integer(required=True, metadata=described("The number of changed jobs."))
    error_count = fields.Integer(required=True, metadata=described("The number of errors."))


class OperationSchema(OperationSummarySchema):
    """A change of more than 1,000 rows. Workers make it in chunks of at most 1,000 rows."""

    kept_jobs = fields.List(
        fields.Integer(metadata={"format": "int64"}),
        required=True,
        metadata=described(
            f"The first {KEPT_JOBS_MAX:,} jobs that a cancel left alive because other requests "
            "share them. `counts.kept` is their number."
        ),
    )
    errors = fields.List(
        fields.String(),
        required=True,
        metadata=described(f"The first {ERRORS_MAX} errors of chunks."),
    )


class OperationListSchema(ma.Schema):
    items = fields.List(fields.Nested(OperationSummarySchema), required=True)
    next = next_cursor()


class OperationParameters(PageParameters):
    state = fields.List(
        fields.String(validate=known(OperationState)),
        load_default=list,
        validate=validate.Length(max=20),
        metadata=described("Only operations in one of these states."),
    )
    kind = fields.String(
        load_default=None,
        validate=known(OperationKind),
        metadata=described("Only operations that make this change."),
    )
