"""The schema of the overview: the state of the whole system in one answer."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.attention import AttentionSchema
from admin_api.schemas.budget import ClientBudgetSchema, WaitingForRedditSchema
from admin_api.schemas.fields import Timestamp, described
from admin_api.schemas.known import Known, known
from admin_api.schemas.overview_lists import (
    FailedJobSchema,
    NextScheduleSchema,
    RunningCrawlSchema,
)
from admin_api.schemas.pause import PauseSchema
from admin_api.schemas.stats import ByStatus, GroupTotalsSchema, RecentSchema, Rounded
from admin_api.schemas.worker import ROLES
from crawljobs.domain import job

LEVELS = ("ok", "notice", "warning", "critical")


def _count(text: str) -> fields.Integer:
    return fields.Integer(required=True, validate=validate.Range(min=0), metadata=described(text))


def _seconds(text: str) -> Rounded:
    return Rounded(required=True, metadata=described(text))


class JobsOverviewSchema(ma.Schema):
    """Jobs by state, the oldest queued job, and statistics of recent crawls."""

    by_status = fields.Nested(ByStatus, required=True)
    capped = fields.List(
        fields.String(validate=known(job.JobStatus)),
        required=True,
        metadata=described("States with more jobs than shown: counting stops at 10,000."),
    )
    queued_by_priority = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    oldest_queued_seconds = _seconds("The wait of the oldest queued job; 0 without one.")
    longest_crawl_seconds = _seconds("The duration of the longest running crawl; 0 without one.")
    expired_leases = _count("Leases that expired more than a minute ago.")
    recent = fields.Nested(RecentSchema, required=True)


class SchedulesOverviewSchema(ma.Schema):
    """The numbers of schedules, and the schedules that are due next."""

    enabled = _count("Counting stops at 10,000.")
    disabled = _count("Counting stops at 10,000.")
    broken = _count("Disabled by the scheduler, because they cannot fire.")
    missed = _count("Due times without a job in the last 15 minutes.")
    lag_seconds = _seconds("The delay of the schedule that has been due for longest.")
    next = fields.List(fields.Nested(NextScheduleSchema), required=True)


class ProcessesSchema(ma.Schema):
    """Live processes of one service with the same version."""

    role = fields.String(required=True, validate=Known("WorkerRole", ROLES))
    version = fields.String(required=True)
    processes = _count("Processes with a heartbeat within the last minute.")


class FailuresOverviewSchema(ma.Schema):
    """The newest failed jobs of the last day."""

    by_error_kind = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        required=True,
        metadata=described("The numbers by error kind among the newest 100 failed jobs."),
    )
    newest = fields.List(fields.Nested(FailedJobSchema), required=True)


class PausesOverviewSchema(ma.Schema):
    """The pauses in force."""

    everything = fields.Nested(
        PauseSchema, required=True, allow_none=True, metadata=described("Null without one.")
    )
    subreddits = _count("Paused subreddits; counting stops at 500.")


class ClientOverviewSchema(ClientBudgetSchema):
    """The present budget of a client id."""

    class Meta:
        fields = (
            "client_id",
            "in_use",
            "state",
            "reason",
            "remedy",
            "paused_until",
            "usable",
            "reserved",
            "others",
            "remaining",
            "window_started_at",
            "window_ends_at",
        )


class BudgetOverviewSchema(ma.Schema):
    """Reddit's request budget."""

    clients = fields.List(
        fields.Nested(ClientOverviewSchema),
        required=True,
        metadata=described("The 10 client ids that were used last."),
    )
    waiting_jobs = fields.Nested(WaitingForRedditSchema, required=True)


class EndpointsByConditionSchema(ma.Schema):
    """The number of enabled endpoints, and the numbers of disabled endpoints by reason."""

    enabled = fields.Integer(required=True)
    operator = fields.Integer(required=True)
    gone = fields.Integer(required=True, metadata=described("The receiver answered 410."))
    failing = fields.Integer(required=True, metadata=described("No attempt succeeded for 5 days."))


class WebhooksOverviewSchema(ma.Schema):
    """Endpoints of webhooks and their open deliveries."""

    endpoints = fields.Nested(EndpointsByConditionSchema, required=True)
    pending = _count("Pending deliveries, up to 10,000 of each endpoint.")
    held = _count("Held deliveries, up to 10,000 of each endpoint.")
    oldest_undelivered_seconds = _seconds("The wait of the oldest event; 0 without one.")


class DatabaseOverviewSchema(ma.Schema):
    """The health of the database."""

    bytes = _count("The size of the database.")
    oldest_transaction_seconds = _seconds(
        "The age of the oldest transaction that keeps dead rows; 0 without one."
    )
    dead_row_share = _seconds("The share of dead rows in the table of jobs.")


class OverviewSchema(ma.Schema):
    """The state of the whole system."""

    as_of = Timestamp(required=True, metadata=described("The database time of all values."))
    level = fields.String(
        required=True,
        validate=Known("AttentionLevel", LEVELS),
        metadata=described("The highest severity of `attention`; `ok` if the list is empty."),
    )
    attention = fields.List(
        fields.Nested(AttentionSchema),
        required=True,
        metadata=described("The conditions that need attention, the most severe first."),
    )
    jobs = fields.Nested(JobsOverviewSchema, required=True)
    running = fields.List(
        fields.Nested(RunningCrawlSchema),
        required=True,
        metadata=described("The newest 20 running crawls."),
    )
    failures = fields.Nested(FailuresOverviewSchema, required=True)
    schedules = fields.Nested(SchedulesOverviewSchema, required=True)
    pauses = fields.Nested(PausesOverviewSchema, required=True)
    budget = fields.Nested(BudgetOverviewSchema, required=True)
    processes = fields.List(fields.Nested(ProcessesSchema), required=True)
    workers_lost = _count("Workers that stopped without a shutdown in the last 15 minutes.")
    groups = fields.Nested(GroupTotalsSchema, required=True)
    webhooks = fields.Nested(WebhooksOverviewSchema, required=True)
    database = fields.Nested(DatabaseOverviewSchema, required=True)
