"""Schemas of Reddit's request budget."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.budget_spending import (
    SourceSpendingSchema,
    SpendingJobSchema,
    WindowMinuteSchema,
)
from admin_api.schemas.fields import Timestamp, described
from admin_api.schemas.known import known
from admin_api.schemas.stats import Rounded
from crawljobs.domain.budget_state import BudgetState, Credentials
from crawljobs.domain.request_budget import PausedReason


def _count(text: str) -> fields.Integer:
    return fields.Integer(required=True, validate=validate.Range(min=0), metadata=described(text))


def _time(text: str) -> Timestamp:
    return Timestamp(required=True, allow_none=True, metadata=described(text))


class ClientBudgetSchema(ma.Schema):
    """The budget of a client id: its state, its pause, and the requests left in the window."""

    client_id = fields.String(required=True, metadata=described("`REDDIT_CLIENT_ID`."))
    in_use = fields.Boolean(required=True, metadata=described("Used within the last day."))
    state = fields.String(
        required=True,
        validate=known(BudgetState),
        metadata=described(
            "`paused`: no worker of this client id sends requests. `probe_due`: the pause has "
            "ended, and the next request tests whether its cause has ended."
        ),
    )
    reason = fields.String(
        required=True,
        allow_none=True,
        validate=known(PausedReason),
        metadata=described("Why the workers pause; null without a pause."),
    )
    detail = fields.String(
        required=True,
        allow_none=True,
        metadata=described("The observation of a worker, such as a reply."),
    )
    remedy = fields.String(
        required=True, allow_none=True, metadata=described("How the pause ends.")
    )
    paused_until = _time("No worker sends requests before this time; null without a pause.")
    next_probe_at = _time("When a worker tests next whether an outage or a refusal has ended.")
    probing = fields.Boolean(
        required=True,
        metadata=described("A worker is testing now whether Reddit accepts the client."),
    )
    credentials = fields.String(
        required=True,
        validate=known(Credentials),
        metadata=described("Whether Reddit issues tokens for the client id and secret."),
    )
    requests_per_window = _count("The limit that Reddit's replies report.")
    usable = _count("The part of the limit that all workers together use.")
    reserved = _count("Spent and reserved requests in this window.")
    others = _count("The part of `reserved` that other users of the client id spent.")
    remaining = _count("The usable requests left in this window.")
    window_started_at = Timestamp(required=True)
    window_ends_at = Timestamp(
        required=True, metadata=described("When all requests of a window are available again.")
    )
    next_slot_at = Timestamp(
        required=True, metadata=described("The earliest start of the next request.")
    )
    failed_replies = _count("Failures among the last 20 replies; 10 start an outage pause.")
    outages_in_a_row = _count("Consecutive failed probes.")
    throttles_in_a_row = _count(
        "429 replies of the last series. A good reply after the pause, or a window without a 429, "
        "ends the series; the next 429 starts at 1."
    )
    last_throttled_at = _time("When the last 429 reply came.")
    last_accepted_at = _time("When the last probe succeeded.")


class WindowedBudgetSchema(ClientBudgetSchema):
    """The budget of a client id, with the minutes of its present window."""

    minutes = fields.List(
        fields.Nested(WindowMinuteSchema),
        required=True,
        metadata=described(
            "The minutes of the window with requests, at most of the last hour. Workers report "
            "every 10 s. `GET /api/admin/history` has the minutes before."
        ),
    )


class WaitingForRedditSchema(ma.Schema):
    """The numbers of jobs that wait for Reddit. No attempt is charged for the wait."""

    rate_limit = _count("Jobs that wait for budget.")
    outage = _count("Jobs that wait for the end of an outage or a refusal.")
    at_least = fields.Boolean(
        required=True,
        metadata=described("There may be more jobs: counting stops at 1,000 parked jobs."),
    )


class DemandSchema(ma.Schema):
    """The requests that the live jobs still need, and the time when all of them can be sent."""

    live_jobs = _count("Jobs that wait, are queued or are crawled; counting stops at 10,000 each.")
    at_least = fields.Boolean(
        required=True, metadata=described("More jobs may be live: a count stopped at its limit.")
    )
    requests_per_crawl = Rounded(
        required=True,
        metadata=described("The average of the crawls of the last hour; 100 without one."),
    )
    wanted_requests = _count("The estimated requests until all live jobs have ended.")
    empty_at = _time(
        "When these requests are sent at the full budget. Null while unknown: no client id is in "
        "use, the queue is paused without an end, or `at_least`."
    )


class ScheduleDemandSchema(ma.Schema):
    """The requests that all enabled schedules need a day. The estimate is at most a minute old."""

    estimated_requests_per_day = _count("The estimate, from the crawls of the last hour.")
    daily_request_budget = _count("The requests that Reddit allows a day, for all client ids.")


class ContentChecksSchema(ma.Schema):
    """The deletion walk, which requests all stored items again to find deletions at Reddit."""

    interval_days = fields.Integer(required=True, metadata=described("`DELETION_CHECK_DAYS`."))
    unchecked_seconds = Rounded(
        required=True,
        metadata=described("Each stored post and comment was requested or seen within this time."),
    )
    walk_started_at = _time("The start of the present walk; null between two walks.")
    share_in_48_hours = Rounded(
        required=True,
        metadata=described(
            "The share of the stored posts and comments that `DELETION_CHECK_SHARE` of the budget "
            "can request within 48 hours, from 0 to 1. Refreshes use a part of these requests."
        ),
    )


class BudgetSchema(ma.Schema):
    """Reddit's request budget, which all workers of a client id share."""

    as_of = Timestamp(required=True, metadata=described("The database time of all values."))
    clients = fields.List(
        fields.Nested(WindowedBudgetSchema),
        required=True,
        metadata=described("At most 100 client ids, the most recently used first."),
    )
    workers_alive = _count("Crawler workers with a heartbeat within the last minute.")
    waiting_jobs = fields.Nested(WaitingForRedditSchema, required=True)
    demand = fields.Nested(DemandSchema, required=True)
    schedules = fields.Nested(ScheduleDemandSchema, required=True)
    content_checks = fields.Nested(
        ContentChecksSchema,
        required=True,
        allow_none=True,
        metadata=described("Null while `DELETION_CHECK_DAYS` of the workers is 0."),
    )
    spending = fields.List(
        fields.Nested(SourceSpendingSchema),
        required=True,
        metadata=described(
            "The newest 1,000 jobs that finished in the last hour, by source; the source with the "
            "most requests comes first."
        ),
    )
    spending_jobs = fields.List(
        fields.Nested(SpendingJobSchema),
        required=True,
        metadata=described(
            "The 10 jobs with the most requests, among the running ones and the newest 1,000 that "
            "finished in the last hour."
        ),
    )
