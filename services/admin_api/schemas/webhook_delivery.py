"""Schemas of webhook deliveries, and of requests that send deliveries again."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.fields import (
    Flag,
    PageParameters,
    Timestamp,
    described,
    identifier,
    next_cursor,
)
from admin_api.schemas.known import known
from crawljobs.domain.webhook import AttemptResult, DeliveryKind, DeliveryState, EventType


class MessageId(fields.String):
    """The id of an event, as receivers see it: `msg_` and 32 hexadecimal digits."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> str:
        return f"msg_{value.hex}"


class WebhookDeliverySchema(ma.Schema):
    """The delivery of one event to one endpoint."""

    id = identifier("The delivery.")
    endpoint_id = identifier("The endpoint.")
    event_id = MessageId(
        required=True,
        metadata=described(
            "The header `webhook-id`: the same in all attempts and for all endpoints."
        ),
    )
    type = fields.String(required=True, validate=known(EventType))
    job_id = identifier("The job of the event; null for an event without a job.", nullable=True)
    group_id = identifier(
        "The group of the event, or the first group whose steps follow its job.", nullable=True
    )
    subreddit = fields.String(
        required=True, allow_none=True, metadata=described("The subreddit of the event.")
    )
    kind = fields.String(required=True, validate=known(DeliveryKind))
    state = fields.String(required=True, validate=known(DeliveryState))
    attempts = fields.Integer(required=True)
    next_attempt_at = Timestamp(
        required=True,
        allow_none=True,
        metadata=described("The earliest next attempt; null unless the state is `pending`."),
    )
    created_at = Timestamp(required=True)
    ended_at = Timestamp(required=True, allow_none=True)


class WebhookAttemptSchema(ma.Schema):
    """One attempt to deliver."""

    number = fields.Integer(required=True, metadata=described("From 1."))
    started_at = Timestamp(required=True)
    duration_ms = fields.Integer(required=True)
    result = fields.String(required=True, validate=known(AttemptResult))
    status_code = fields.Integer(required=True, allow_none=True)
    detail = fields.String(required=True, allow_none=True)
    response = fields.String(
        required=True,
        allow_none=True,
        metadata=described("The start of the answer, at most 2 KB."),
    )


class WebhookDeliveryDetailSchema(WebhookDeliverySchema):
    """A delivery with its event and its attempts."""

    data = fields.Dict(required=True, metadata=described("The ids and states of the event."))
    body = fields.String(
        required=True,
        allow_none=True,
        metadata=described("The text that is signed and sent; null until the first attempt."),
    )
    attempt_list = fields.List(
        fields.Nested(WebhookAttemptSchema),
        required=True,
        metadata=described("The newest first, at most 100."),
    )


class WebhookDeliveryListSchema(ma.Schema):
    items = fields.List(fields.Nested(WebhookDeliverySchema), required=True)
    next = next_cursor()


class WebhookDeliveryParameters(PageParameters):
    """The query parameters of the list of deliveries."""

    state = fields.String(
        load_default=None,
        validate=known(DeliveryState),
        metadata=described("Only deliveries in this state."),
    )


class PingSchema(ma.Schema):
    """The delivery of a ping."""

    delivery_id = identifier("The delivery. Read it to see the answer of the receiver.")


class ReplayRequestSchema(ma.Schema):
    """The deliveries to repeat."""

    since = Timestamp(
        required=True,
        metadata=described("Only events since this time.", example="2031-05-17T09:30:00Z"),
    )
    only_failed = Flag(
        load_default=True,
        metadata=described("false: also deliveries that succeeded or were dropped."),
    )
    dry_run = Flag(load_default=False, metadata=described("true: only count the deliveries."))


class ReplaySchema(ma.Schema):
    """The result of a replay."""

    deliveries = fields.Integer(
        required=True,
        metadata=described("The deliveries that are attempted again, 10 a second."),
    )
    more = fields.Boolean(
        required=True,
        metadata=described(
            "true in a dry run: there may be more, because only the newest 100,000 deliveries are "
            "examined. Otherwise false."
        ),
    )
    dry_run = fields.Boolean(required=True, metadata=described("true: nothing was changed."))
    operation_id = identifier(
        "The operation that replays the deliveries; null if they are pending already.",
        nullable=True,
    )
