"""Reddit's request budget."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import Timestamp, described
from crawljobs.domain.budget_state import BudgetState, Credentials
from crawljobs.domain.request_budget import PausedReason


def _count(text: str) -> fields.Integer:
    return fields.Integer(required=True, validate=validate.Range(min=0), metadata=described(text))


def _time(text: str) -> Timestamp:
    return Timestamp(required=True, allow_none=True, metadata=described(text))


class ClientBudgetSchema(ma.Schema):
    """A client id: whether its workers may ask Reddit now, and what is left of the window."""

    client_id = fields.String(required=True, metadata=described("`REDDIT_CLIENT_ID`."))
    in_use = fields.Boolean(required=True, metadata=described("It was used within a day."))
    state = fields.String(
        required=True,
        validate=validate.OneOf([state.value for state in BudgetState]),
        metadata=described(
            "`paused`: no worker of this client id asks Reddit. `probe_due`: the pause is over, "
            "and the next request finds out whether the cause has ended."
        ),
    )
    reason = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf([reason.value for reason in PausedReason]),
        metadata=described("Why its workers pause; null while it is available."),
    )
    detail = fields.String(
        required=True, allow_none=True, metadata=described("What a worker met, such as a reply.")
    )
    remedy = fields.String(
        required=True, allow_none=True, metadata=described("What ends the pause.")
    )
    paused_until = _time("No worker asks Reddit before; null: none pauses.")
    next_probe_at = _time("One worker looks then whether an outage or a refusal has ended.")
    probing = fields.Boolean(
        required=True,
        metadata=described("A worker looks at this moment whether Reddit accepts the client."),
    )
    credentials = fields.String(
        required=True,
        validate=validate.OneOf([one.value for one in Credentials]),
        metadata=described("Whether Reddit gave tokens for the client id and secret."),
    )
    requests_per_window = _count("As Reddit's replies tell it.")
    usable = _count("What of them the workers use, all together.")
    reserved = _count("Requests of this window that are spent or reserved.")
    others = _count("Of these, the ones of other consumers of the client id.")
    remaining = _count("What is left of the usable ones in this window.")
    window_started_at = Timestamp(required=True)
    window_ends_at = Timestamp(
        required=True, metadata=described("Then all requests of the window are available again.")
    )
    next_slot_at = Timestamp(
        required=True, metadata=described("When the next request may start at the earliest.")
    )
    failed_replies = _count("Of the last 20 replies; 10 open the breaker of an outage.")
    outages_in_a_row = _count("Probes in a row that failed.")
    throttles_in_a_row = _count("Replies of 429 in a row, as the pauses count them.")
    last_throttled_at = _time("The last reply of 429.")
    last_accepted_at = _time("The last good probe.")


class WaitingForRedditSchema(ma.Schema):
    """Jobs that wait for Reddit, without an attempt."""

    rate_limit = _count("For the budget.")
    outage = _count("For the end of an outage, or of a refusal.")
    at_least = fields.Boolean(
        required=True,
        metadata=described("There are more: counting stops at 1,000 parked jobs."),
    )


class BudgetSchema(ma.Schema):
    """Reddit's request budget, shared by all workers of a client id."""

    as_of = Timestamp(required=True, metadata=described("The database's time of all values."))
    clients = fields.List(
        fields.Nested(ClientBudgetSchema),
        required=True,
        metadata=described("The client id that was used last comes first; at most 100."),
    )
    workers_alive = _count("Crawler-workers seen within the last minute.")
    waiting_jobs = fields.Nested(WaitingForRedditSchema, required=True)
