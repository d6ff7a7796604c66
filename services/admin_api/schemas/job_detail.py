"""The schema of a job with its attempts, missing parts and changes by operators."""

from __future__ import annotations

from dataclasses import dataclass

from marshmallow import fields

from admin_api.schemas.attempt import AttemptSchema
from admin_api.schemas.audit import AuditEntrySchema
from admin_api.schemas.coverage import MissingPartSchema
from admin_api.schemas.fields import described
from admin_api.schemas.job import JobSchema
from admin_api.schemas.related_step import related_steps, related_steps_total
from crawljobs.domain import job, job_progress
from crawljobs.domain.attempt import Attempt
from crawljobs.domain.missing_part import MissingPart
from crawljobs.domain.step import RelatedStep
from crawljobs.repository.operations.audit_log import AuditEntry


@dataclass(frozen=True)
class JobDetail(job.Job):
    """A job, its newest attempts, the newest changes that operators made, and related steps."""

    attempts: list[Attempt]
    audit_log: list[AuditEntry]
    steps: list[RelatedStep]
    steps_total: int

    @property
    def missing(self) -> list[MissingPart]:
        """Return the parts that the crawl gave up. The checkpoint lists at most 50 parts."""
        return job_progress.missing_of_job(self)


class JobDetailSchema(JobSchema):
    """A job with its missing parts, attempts, changes by operators and steps of groups."""

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
    steps = related_steps()
    steps_total = related_steps_total()
