"""/api/admin/history: series of the queue, budgets and webhooks over time, for charts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import flask

from admin_api.http import problems, state
from admin_api.http.blueprint import Blueprint
from admin_api.http.polling import conditional
from admin_api.schemas.chart_history import POINTS_MAX, HistoryParameters, HistorySchema
from crawljobs.domain import history_series
from crawljobs.domain.history_series import ChartStep
from crawljobs.repository.history import chart_reads
from crawljobs.repository.history.chart_reads import Span

PREFIX = "/api/admin/history"
POINTS_BY_DEFAULT = 400
DEFAULT_RANGE = timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# A value that changes only because time passes. It does not change the ETag.
MOVING = frozenset({"as_of"})

blueprint = Blueprint(
    "history", __name__, url_prefix=PREFIX, description="The past of the queue, for charts"
)
_schema = HistorySchema()


@blueprint.get("")
@blueprint.parameters(HistoryParameters)
@blueprint.answers_polled(HistorySchema, "The series.")
def show_history(params: dict[str, Any]) -> flask.Response:
    """Show series of the queue, the budgets and the webhooks over time

    Workers record the values once a minute. A chart has at most 1,500 points. `minutes` has the
    number of recorded minutes of each step. If no worker ran during a step, its point is null. The
    last step may end in the future: then its point covers only the time until now.
    """
    names = list(dict.fromkeys(params["series"]))
    with state.current().database.read() as conn:
        now = chart_reads.read_time(conn)
        span, step = _span(params, now)
        chart = chart_reads.read_chart(
            conn,
            names=names,
            span=span,
            client_id=params["client_id"],
            endpoint_id=params["endpoint_id"],
        )
    body = {
        "as_of": now,
        "since": span.begin,
        "until": span.end,
        "step": step,
        "step_seconds": step.seconds,
        "minutes": chart.minutes,
        "series": [
            {**vars(history_series.BY_NAME[name]), "points": chart.points[name]} for name in names
        ],
    }
    return conditional.respond(conditional.answer(_schema.dump(body), moving=MOVING))


def _span(params: dict[str, Any], now: datetime) -> tuple[Span, ChartStep]:
    """Return the span that the parameters describe.

    A time before 1970 counts as 1970, and a time in the future counts as now. Raises a Problem if
    the span has no point or too many points.
    """
    until = min(params["until"] or now, now)
    since = params["since"] or max(EPOCH, until) - DEFAULT_RANGE
    if since >= until:
        raise problems.refuse_value("/from", "must be before `to` and before the present time")
    since = max(since, EPOCH)
    if params["step"] is not None:
        step = ChartStep(params["step"])
        found = _aligned(since, until, step)
        if found.points > POINTS_MAX:
            raise problems.refuse_value(
                "/step",
                f"gives {found.points:,} points, and {POINTS_MAX:,} are the limit: "
                "choose a longer step or a later `from`",
            )
        return found, step
    for step in ChartStep:
        found = _aligned(since, until, step)
        if found.points <= POINTS_BY_DEFAULT:
            return found, step
    if found.points > POINTS_MAX:
        raise problems.refuse_value("/from", f"must be at most {POINTS_MAX:,} days before `to`")
    return found, step


def _aligned(since: datetime, until: datetime, step: ChartStep) -> Span:
    """Return the span, widened to whole steps.

    The steps are counted from 1970, so the steps of all charts have the same borders.
    """
    first = int(since.timestamp()) // step.seconds
    last = -(-int(until.timestamp() * 1_000_000) // (step.seconds * 1_000_000))
    width = timedelta(seconds=step.seconds)
    return Span(EPOCH + first * width, EPOCH + last * width, step.seconds)
