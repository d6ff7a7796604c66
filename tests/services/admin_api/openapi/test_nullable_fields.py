"""A response field is nullable exactly if the Python value that it shows may be None."""

import types
import typing
from typing import Any

import marshmallow as ma
import pytest

from admin_api.schemas.attempt import AttemptSchema
from admin_api.schemas.audit import AuditEntrySchema
from admin_api.schemas.coverage import GapSchema, StoredPartSchema
from admin_api.schemas.explanation import ClaimExplanationSchema
from admin_api.schemas.job import JobSchema
from admin_api.schemas.pause import PauseSchema
from admin_api.schemas.progress import ProgressSchema
from admin_api.schemas.schedule import ScheduleSchema
from admin_api.schemas.schedule_run import RunSchema, UpcomingSchema
from admin_api.schemas.stats import GroupTotalsSchema, RecentSchema, Stats, StatsSchema
from admin_api.schemas.step_explanation import StepExplanationSchema, UpstreamSchema
from admin_api.schemas.subreddit import SubredditSchema
from admin_api.schemas.token import TokenSchema
from admin_api.schemas.worker import WorkerSchema
from crawljobs.domain import (
    api_token,
    attempt,
    explanation,
    group_totals,
    job,
    job_progress,
    queue_stats,
    schedule,
    schedule_preview,
    step_explanation,
)
from crawljobs.repository.content import listing_gaps, missing_parts, subreddit_rows
from crawljobs.repository.operations import audit_log, service_instances
from crawljobs.repository.queue import queue_pauses
from crawljobs.repository.schedules import schedule_ledger

SHOWS: dict[type[ma.Schema], Any] = {
    AttemptSchema: attempt.Attempt,
    AuditEntrySchema: audit_log.AuditEntry,
    ClaimExplanationSchema: explanation.Explanation,
    GapSchema: listing_gaps.StoredGap,
    GroupTotalsSchema: group_totals.GroupTotals,
    JobSchema: job.Job,
    PauseSchema: queue_pauses.Pause,
    ProgressSchema: job_progress.Progress,
    RecentSchema: queue_stats.RecentJobs,
    RunSchema: schedule_ledger.LedgerRow,
    ScheduleSchema: schedule.Schedule,
    StatsSchema: Stats,
    StepExplanationSchema: step_explanation.StepExplanation,
    StoredPartSchema: missing_parts.StoredPart,
    SubredditSchema: subreddit_rows.Subreddit,
    TokenSchema: api_token.Token,
    UpcomingSchema: schedule_preview.Upcoming,
    UpstreamSchema: step_explanation.Upstream,
    WorkerSchema: service_instances.Instance,
}


def may_be_none(hint: Any) -> bool:
    union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return union and type(None) in typing.get_args(hint)


@pytest.mark.parametrize("schema", SHOWS, ids=lambda schema: schema.__name__)
def test_a_field_may_be_null_when_its_value_may_be_none(schema: type[ma.Schema]) -> None:
    shown = SHOWS[schema]
    hints = typing.get_type_hints(shown)
    for name, computed in vars(shown).items():
        if isinstance(computed, property):
            hints[name] = typing.get_type_hints(computed.fget)["return"]
    names = hints.keys()
    fields = {
        field.attribute or name: field.allow_none for name, field in schema().dump_fields.items()
    }
    common = fields.keys() & names
    assert len(common) >= 2
    assert {name for name in common if fields[name]} == {
        name for name in common if may_be_none(hints[name])
    }
