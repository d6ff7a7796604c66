"""Schemas of the health of webhook endpoints."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.direct_dump import DirectDump
from admin_api.schemas.fields import Timestamp, described, identifier
from admin_api.schemas.stats import Rounded

_P95 = "The 95th percentile of the last attempts; null without one."


class HourOfDeliveriesSchema(DirectDump):
    """The deliveries that ended within one hour."""

    at = Timestamp(required=True, metadata=described("The start of the hour."))
    delivered = fields.Integer(required=True)
    failed = fields.Integer(required=True)
    duration_ms_p95 = fields.Integer(required=True, allow_none=True, metadata=described(_P95))


class EndpointHealthSchema(DirectDump):
    """The deliveries of an endpoint that ended in the last 24 hours."""

    endpoint_id = identifier("The endpoint.")
    delivered = fields.Integer(required=True)
    failed = fields.Integer(required=True, metadata=described("All attempts failed."))
    at_least = fields.Boolean(
        required=True,
        metadata=described(
            "There may be more: the newest 300 delivered and the newest 300 failed ones are read."
        ),
    )
    success_share = Rounded(
        required=True,
        allow_none=True,
        metadata=described("Delivered ones among the delivered and failed ones; null without."),
    )
    duration_ms_p50 = fields.Integer(
        required=True,
        allow_none=True,
        metadata=described("The median of the last attempts; null without one."),
    )
    duration_ms_p95 = fields.Integer(required=True, allow_none=True, metadata=described(_P95))
    by_hour = fields.List(
        fields.Nested(HourOfDeliveriesSchema),
        required=True,
        metadata=described("24 hours, the oldest first; the last one is not over."),
    )


class WebhookHealthSchema(ma.Schema):
    """The health of all endpoints."""

    as_of = Timestamp(required=True, metadata=described("The database time of all values."))
    endpoints = fields.List(
        fields.Nested(EndpointHealthSchema), required=True, metadata=described("At most 50.")
    )
