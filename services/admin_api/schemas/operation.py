"""Schema of operations, which are large changes that workers make in chunks."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.fields import Timestamp, described, identifier
from admin_api.schemas.known import known
from crawljobs.domain.operation import ERRORS_MAX, KEPT_JOBS_MAX, OperationKind, OperationState


class OperationSchema(ma.Schema):
    """A change of more than 1,000 rows. Workers make it in chunks of at most 1,000 rows."""

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
    error_count = fields.Integer(required=True, metadata=described("The number of errors."))
