"""The schema of a job with its attempts, missing parts and changes by operators."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from admin_api.resources import progress
from admin_api.schemas.attempt import AttemptSchema
from admin_api.schemas.audit import AuditEntrySchema
from admin_api.schemas.coverage import MissingPartSchema
from admin_api.schemas.fields import described
from admin_api.schemas.job import JobSchema, shown

# Module constants, because creating a schema takes longer than a dump.
_ATTEMPTS = AttemptSchema(many=True)
_ENTRIES = AuditEntrySchema(many=True)
_MISSING = MissingPartSchema(many=True)


class JobDetailSchema(JobSchema):
    """A job with its missing parts, its attempts and its changes by operators."""

    missing = fields.List(
        fields.Nested(MissingPartSchema),
        required=True,
        metadata=described("The first 50 parts that the crawl gave up."),
    )

    attempts = fields.List(
        fields.Nested(AttemptSchema),
        required=True,
        metadata=described("The last 100 attempts."),
    )
    audit_log = fields.List(
        fields.Nested(AuditEntrySchema),
        required=True,
        metadata=described(
            "The last 50 changes. Without the scope audit, the fields about their origin are null."
        ),
    )

    def dump(self, obj: Any, *, many: bool | None = None) -> Any:
        return {
            **shown(obj["job"]),
            "missing": _MISSING.dump(progress.missing_of_job(obj["job"])),
            "attempts": _ATTEMPTS.dump(obj["attempts"]),
            "audit_log": _ENTRIES.dump(obj["audit_log"]),
        }
