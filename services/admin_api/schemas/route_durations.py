"""Schemas of the durations of requests by route."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from admin_api.schemas.direct_dump import DirectDump
from admin_api.schemas.fields import described
from admin_api.schemas.stats import Rounded


class RouteDurationsSchema(DirectDump):
    """The requests of one route."""

    method = fields.String(required=True)
    route = fields.String(required=True, metadata=described("The path with its parameters."))
    requests = fields.Integer(required=True, metadata=described("Since the start of the process."))
    errors = fields.Integer(
        required=True, metadata=described("Of these, answers with a status of 500 or above.")
    )
    milliseconds_p50 = Rounded(
        required=True, metadata=described("The median of the newest 200 requests.")
    )
    milliseconds_p95 = Rounded(required=True)
    milliseconds_max = Rounded(required=True)


class RouteListSchema(ma.Schema):
    """The durations of the requests of one process of the API."""

    process = fields.String(
        required=True, metadata=described("The process that answered; another one may answer next.")
    )
    seconds = Rounded(required=True, metadata=described("The time since its start."))
    routes = fields.List(
        fields.Nested(RouteDurationsSchema),
        required=True,
        metadata=described("The route with the most requests first; at most 500."),
    )
