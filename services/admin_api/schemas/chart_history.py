"""Schemas of the history that charts show."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import INT8_MAX, NAME_MAX_CHARACTERS, Timestamp, described
from admin_api.schemas.known import Known, known
from crawljobs.domain import history_series
from crawljobs.domain.history_series import ChartStep, Combination

SERIES_MAX = 20
DEFAULT_SERIES = ("waiting", "crawling", "claims", "succeeded", "failed", "wait_p95_seconds")
POINTS_MAX = 1_500
SERIES_NAMES = [each.name for each in history_series.ALL]
_LISTED = " ".join(f"`{each.name}`: {each.text}" for each in history_series.ALL)


class _Names(fields.List[Any]):
    """Names of series, in one parameter with commas or in several parameters."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> list[Any]:
        parts = value if isinstance(value, list) else [value]
        names = [name for part in parts for name in str(part).split(",")]
        found: list[Any] = super()._deserialize(names, attr, data, **options)
        return found


class _Numbers(fields.List[Any]):
    """A list of up to 30,000 numbers, which are sent unchanged. A conversion would be slow."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> Any:
        return value


class HistoryParameters(ma.Schema):
    series = _Names(
        fields.String(validate=Known("HistorySeries", SERIES_NAMES)),
        load_default=lambda: list(DEFAULT_SERIES),
        validate=validate.Length(min=1, max=SERIES_MAX),
        metadata=described(
            "The series, at most 20: `series=waiting,crawling`, or one parameter for each. By "
            f"default {', '.join(DEFAULT_SERIES)}. " + _LISTED
        ),
    )
    since = Timestamp(
        data_key="from",
        load_default=None,
        metadata=described("The begin, rounded down to a step; 24 hours before `to` by default."),
    )
    until = Timestamp(
        data_key="to",
        load_default=None,
        metadata=described("The end, rounded up to a step; now by default, and at the latest."),
    )
    step = fields.String(
        load_default=None,
        validate=known(ChartStep),
        metadata=described(
            "The time between two points. By default the shortest step with at most 400 points. "
            "Rows of minutes are kept for 14 days, rows of hours for 366 days."
        ),
    )
    client_id = fields.String(
        load_default=None,
        validate=validate.Length(min=1, max=NAME_MAX_CHARACTERS),
        metadata=described(
            "The series of the budget of this `REDDIT_CLIENT_ID`; without it, the sums of all."
        ),
    )
    endpoint_id = fields.Integer(
        load_default=None,
        validate=validate.Range(min=1, max=INT8_MAX),
        metadata=described(
            "The attempts to deliver to this webhook; without it, to all.", format="int64"
        ),
    )


class SeriesSchema(ma.Schema):
    """A series, with a point for each step."""

    name = fields.String(required=True, validate=Known("HistorySeries", SERIES_NAMES))
    unit = fields.String(required=True, metadata=described("The unit of the points."))
    combination = fields.String(
        required=True,
        validate=known(Combination),
        metadata=described("How the minutes of a step become one point."),
    )
    points = _Numbers(
        fields.Float(allow_none=True),
        required=True,
        metadata=described(
            "The n-th point is of the step that begins n steps after `from`. Null: "
            "nothing is known, because no worker ran."
        ),
    )


class HistorySchema(ma.Schema):
    """Series of the queue, the budgets and the webhooks over time."""

    as_of = Timestamp(required=True, metadata=described("The database time of the answer."))
    since = Timestamp(
        required=True, data_key="from", metadata=described("The begin of the first step, in UTC.")
    )
    until = Timestamp(required=True, data_key="to", metadata=described("The end of the last step."))
    step = fields.String(required=True, validate=known(ChartStep))
    step_seconds = fields.Integer(required=True)
    minutes = _Numbers(
        fields.Integer(),
        required=True,
        metadata=described("The recorded minutes of each step. Fewer than the step has: a gap."),
    )
    series = fields.List(fields.Nested(SeriesSchema), required=True)
