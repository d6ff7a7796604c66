"""The schema of the overview of one job: its page in a dashboard, in one answer."""

from __future__ import annotations

from dataclasses import dataclass

from marshmallow import fields

from admin_api.schemas.direct_dump import DirectDump
from admin_api.schemas.explanation import ClaimExplanationSchema
from admin_api.schemas.fields import Timestamp, described
from admin_api.schemas.job_detail import JobDetail, JobDetailSchema
from admin_api.schemas.known import known
from admin_api.schemas.stats import Rounded
from crawljobs.domain.crawl_phases import PhaseProgress, PhaseState
from crawljobs.domain.explanation import Explanation


@dataclass(frozen=True)
class JobOverview(JobDetail):
    """A job with its attempts, its explanation and its progress by phase."""

    explanation: Explanation
    phases: list[PhaseProgress]
    requests_per_minute: float | None
    as_of: object


class PhaseProgressSchema(DirectDump):
    """One phase of the crawl."""

    phase = fields.String(required=True)
    state = fields.String(required=True, validate=known(PhaseState))
    page = fields.Integer(
        required=True, allow_none=True, metadata=described("Null unless `current`.")
    )
    items = fields.Integer(
        required=True,
        allow_none=True,
        metadata=described("The stored items of the phase; null for a phase without own items."),
    )


class JobOverviewSchema(JobDetailSchema):
    """A job with its attempts, explanation and progress, without its checkpoint."""

    class Meta:
        exclude = ("checkpoint",)

    as_of = Timestamp(required=True, metadata=described("The database time of all values."))
    version = fields.Integer(
        required=True, metadata=described("Send it in quotes as If-Match when you change the job.")
    )
    explanation = fields.Nested(
        ClaimExplanationSchema,
        required=True,
        metadata=described("Why the job runs or waits, as in `explain`."),
    )
    phases = fields.List(
        fields.Nested(PhaseProgressSchema),
        required=True,
        metadata=described("The phases of the crawl, in their order."),
    )
    requests_per_minute = Rounded(
        required=True,
        allow_none=True,
        metadata=described(
            "The average pace while workers held the job; null before the first request."
        ),
    )
