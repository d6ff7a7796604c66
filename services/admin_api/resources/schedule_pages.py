"""/api/admin/scheduled-jobs/rows and .../{id}/overview: schedules with their recent outcomes."""

from __future__ import annotations

from typing import Any

import flask

from admin_api.http import pagination, problems, responses, state
from admin_api.http.blueprint import Blueprint
from admin_api.http.polling import conditional
from admin_api.resources import schedule_demand, schedules
from admin_api.schemas.schedule_edit import ScheduleParameters
from admin_api.schemas.schedule_record import (
    RecordedSchedule,
    ScheduleOverview,
    ScheduleOverviewSchema,
    ScheduleRowListSchema,
)
from crawljobs.domain import schedule_record
from crawljobs.domain.api_token import Scope
from crawljobs.repository.schedules import schedule_changes, schedule_reads, schedule_records

OUTCOMES_LISTED = 14
OUTCOMES_SHOWN = 100
UPCOMING_SHOWN = 20

# Values that change only because time passes. They do not change the ETag.
MOVING = frozenset({"as_of", "demand"})

blueprint = Blueprint(
    "schedule pages",
    __name__,
    url_prefix=schedules.PREFIX,
    description="Schedules with their recent outcomes",
    changes=Scope.SCHEDULES,
)
_overview = ScheduleOverviewSchema()


@blueprint.get("/rows")
@blueprint.parameters(ScheduleParameters)
@blueprint.answers_page(ScheduleRowListSchema, "One page of schedules in their short form.")
def list_schedule_rows(params: dict[str, Any]) -> responses.Response:
    """List schedules in their short form, oldest first

    The schedules and the filters are those of `GET /api/admin/scheduled-jobs`. Each schedule has
    its expression in words, its last 14 outcomes, its misfires of the last 7 days, and its
    estimated requests a day.
    """
    page = pagination.Page.requested("schedule rows", params)
    with state.current().database.read() as conn:
        found = schedules.page_of(conn, params, page)
        records = schedule_records.read_records(
            conn, schedule_ids=[each.id for each in found], outcomes=OUTCOMES_LISTED
        )
    rows = [
        RecordedSchedule(**vars(each), words=schedule_record.words(each), record=records[each.id])
        for each in found
        if each.id in records
    ]
    return page.response(f"{schedules.PREFIX}/rows", rows)


@blueprint.get("/<id:schedule_id>/overview")
@blueprint.may_be_unchanged
@blueprint.answers(200, ScheduleOverviewSchema, "The schedule.", headers=conditional.HEADERS)
@blueprint.problems("not_found")
def show_schedule_overview(schedule_id: int) -> flask.Response:
    """Show a schedule with its recent outcomes and its next due times

    The answer is for a page that polls. It has the schedule, its expression in words, its last 100
    outcomes, its misfires of the last 7 days, and the next 20 due times with the effects of clock
    changes. It also has the schedule's requests a day, and the requests a day of all schedules. A
    request with If-None-Match gets the status 304 if nothing has changed. Do not send this ETag as
    If-Match. Send the value of `version` in quotes instead.
    """
    demand = schedule_demand.quota()
    with state.current().database.read() as conn:
        found = schedule_reads.get_schedule(conn, schedule_id=schedule_id)
        if found is None:
            raise problems.Problem("not_found", f"There is no schedule {schedule_id}.")
        record = schedule_records.read_records(
            conn, schedule_ids=[schedule_id], outcomes=OUTCOMES_SHOWN
        )[schedule_id]
        now = schedule_changes.clock(conn)
    shown = ScheduleOverview(
        **vars(found),
        words=schedule_record.words(found),
        record=record,
        as_of=now,
        upcoming=tuple(schedule_record.upcoming(found, now=now, count=UPCOMING_SHOWN)),
        demand=demand,
    )
    return conditional.respond(conditional.answer(_overview.dump(shown), moving=MOVING))
