"""Schemas of schedules with their recent outcomes and their next due times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.budget import ScheduleDemandSchema
from admin_api.schemas.direct_dump import DirectDump
from admin_api.schemas.fields import Timestamp, described, identifier, next_cursor
from admin_api.schemas.known import known
from admin_api.schemas.schedule import ScheduleSchema
from admin_api.schemas.schedule_run import UpcomingSchema
from admin_api.schemas.stats import Rounded
from crawljobs.domain.schedule import RunOutcome, Schedule
from crawljobs.domain.schedule_limit import Quota
from crawljobs.domain.schedule_preview import Upcoming
from crawljobs.domain.schedule_record import ScheduleRecord

_WORDS = "The expression in English; null if it is invalid."


@dataclass(frozen=True)
class RecordedSchedule(Schedule):
    """A schedule with its expression in words and its record (its recent outcomes)."""

    words: str | None = None
    record: ScheduleRecord | None = None


@dataclass(frozen=True)
class ScheduleOverview(RecordedSchedule):
    """A schedule with its record, its next due times, and the demand of all schedules."""

    as_of: datetime | None = None
    upcoming: tuple[Upcoming, ...] = ()
    demand: Quota | None = None


class DueTimeOutcomeSchema(DirectDump):
    """A due time with its outcome, or several missed due times."""

    due_at = Timestamp(required=True)
    outcome = fields.String(required=True, validate=known(RunOutcome))
    ticks = fields.Integer(required=True, metadata=described("The number of due times."))
    manual = fields.Boolean(required=True, metadata=described("An operator started the run."))
    job_id = identifier("The job; it may have been deleted since.", nullable=True)
    group_id = identifier("The group; it may have been deleted since.", nullable=True)


class ScheduleRecordSchema(DirectDump):
    """The recent outcomes of a schedule, and its requests a day."""

    outcomes = fields.List(
        fields.Nested(DueTimeOutcomeSchema),
        required=True,
        metadata=described("The newest first: 14 in a list, 100 in an overview."),
    )
    misfires = fields.Integer(
        required=True,
        metadata=described("The missed and skipped due times of the last 7 days."),
    )
    misfires_at_least = fields.Boolean(
        required=True,
        metadata=described("There may be more misfires: the newest 300 outcomes are examined."),
    )
    requests_per_run = Rounded(
        required=True,
        allow_none=True,
        metadata=described("From the last crawls of its subreddits; null without one."),
    )
    requests_per_day = fields.Integer(
        required=True,
        metadata=described("An estimate; a subreddit without a crawl counts as 100 requests."),
    )


class ScheduleRowSchema(DirectDump):
    """A schedule in its short form."""

    id = identifier("The schedule.")
    name = fields.String(required=True)
    subreddit = fields.String(
        required=True, allow_none=True, metadata=described("Null for a schedule with steps.")
    )
    step_count = fields.Integer(required=True, allow_none=True)
    cron_expression = fields.String(required=True)
    words = fields.String(required=True, allow_none=True, metadata=described(_WORDS))
    timezone = fields.String(required=True)
    priority = fields.Integer(required=True)
    enabled = fields.Boolean(required=True)
    disabled_reason = fields.String(required=True, allow_none=True)
    next_run_at = Timestamp(required=True, allow_none=True)
    last_run_at = Timestamp(required=True, allow_none=True)
    open_group_id = identifier("The unfinished group of the last run.", nullable=True)
    record = fields.Nested(ScheduleRecordSchema, required=True)
    version = fields.Integer(
        required=True, metadata=described("Send it in quotes as If-Match when you change it.")
    )


class ScheduleRowListSchema(ma.Schema):
    items = fields.List(fields.Nested(ScheduleRowSchema), required=True)
    next = next_cursor()


class ScheduleOverviewSchema(ScheduleSchema):
    """A schedule with its record and its next due times."""

    as_of = Timestamp(required=True, metadata=described("The database time of all values."))
    words = fields.String(required=True, allow_none=True, metadata=described(_WORDS))
    record = fields.Nested(ScheduleRecordSchema, required=True)
    upcoming = fields.List(
        fields.Nested(UpcomingSchema),
        required=True,
        metadata=described(
            "The next 20 due times, with `spread_seconds`. For a disabled schedule, those at which "
            "it would fire."
        ),
    )
    demand = fields.Nested(
        ScheduleDemandSchema,
        required=True,
        metadata=described("The requests of all enabled schedules, and the budget."),
    )
