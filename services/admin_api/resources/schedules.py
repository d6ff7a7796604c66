"""/api/admin/scheduled-jobs: standing orders to crawl a subreddit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from admin_api.http import auth, pagination, preconditions, problems, state
from admin_api.http.blueprint import Blueprint
from admin_api.resources import schedule_edits
from admin_api.schemas.schedule import (
    ScheduleBodySchema,
    ScheduleListSchema,
    ScheduleParameters,
    SchedulePatchSchema,
    ScheduleSchema,
    ToggleSchema,
    WrittenScheduleSchema,
)
from crawljobs.db.database import Connection
from crawljobs.domain.access import Scope
from crawljobs.domain.schedule import Schedule, ScheduleSpec
from crawljobs.repository.schedules import schedule_changes
from crawljobs.repository.schedules import schedule_reads as repository

PREFIX = "/api/admin/scheduled-jobs"

blueprint = Blueprint(
    "schedules",
    __name__,
    url_prefix=PREFIX,
    description="Crawls that repeat by a timetable",
    changes=Scope.SCHEDULES,
)

_LOCATION = {"Location": {"schema": {"type": "string"}, "description": "The schedule's own path."}}
_NIGHTLY = {
    "name": "python, nightly",
    "subreddit": "python",
    "cron_expression": "@daily",
    "timezone": "Europe/Vienna",
}
_WEEKLY = {**_NIGHTLY, "name": "python, weekly", "cron_expression": "@weekly"}

Answer = tuple[dict[str, Any], int, dict[str, str]]


@blueprint.post("")
@blueprint.body(ScheduleBodySchema, examples={"nightly": {"value": _NIGHTLY}})
@blueprint.answers(
    201, WrittenScheduleSchema, "The new schedule.", headers={**_LOCATION, **preconditions.HEADER}
)
@blueprint.problems(408, 409, 415, 422)
def create_schedule(asked: dict[str, Any]) -> Answer:
    """Create a schedule

    At each due time a crawl of the subreddit is enqueued, once, however many schedulers run.
    """
    actor = auth.current_actor()

    def work(conn: Connection) -> Answer:
        order = schedule_edits.order(conn, asked)
        created = schedule_changes.create_schedule(conn, order=order)
        schedule_edits.audit(conn, actor, "create", before=None, after=created)
        return schedule_edits.written(conn, created, status=201)

    with schedule_edits.refusals():
        body, status, headers = state.current().database.run(work)
    return body, status, {**headers, "Location": f"{PREFIX}/{body['id']}"}


@blueprint.get("")
@blueprint.parameters(ScheduleParameters)
@blueprint.answers(
    200, ScheduleListSchema, "One page of schedules.", headers=pagination.LINK_HEADER
)
@blueprint.problems(422)
def list_schedules(asked: dict[str, Any]) -> Answer:
    """List schedules, oldest first

    Filters are combined.
    """
    page = pagination.Page.asked_for("schedules", asked)
    with state.current().database.read() as conn:
        found = repository.list_schedules(
            conn,
            after_id=page.last_id,
            limit=page.rows_to_fetch,
            enabled=asked["enabled"],
            broken=asked["broken"],
            subreddit=asked["subreddit"],
            subreddit_id=asked["subreddit_id"],
        )
    return page.answer(PREFIX, found)


@blueprint.get("/<id:schedule_id>")
@blueprint.answers(200, ScheduleSchema, "The schedule.", headers=preconditions.HEADER)
@blueprint.problems(404)
def show_schedule(schedule_id: int) -> tuple[Schedule, int, dict[str, str]]:
    """Show a schedule"""
    with state.current().database.read() as conn:
        found = repository.get_schedule(conn, schedule_id=schedule_id)
    if found is None:
        raise problems.Problem("not_found", f"There is no schedule {schedule_id}.")
    return found, 200, preconditions.etag(found.version)


@blueprint.put("/<id:schedule_id>")
@blueprint.if_match(required=True)
@blueprint.body(ScheduleBodySchema, examples={"weekly": {"value": _WEEKLY}})
@blueprint.answers(
    200, WrittenScheduleSchema, "The schedule as it is now.", headers=preconditions.HEADER
)
@blueprint.problems(404, 408, 409, 412, 415, 422, 428)
def replace_schedule(asked: dict[str, Any], schedule_id: int) -> Answer:
    """Replace a schedule

    What is left out gets its default. Never fires by itself: the next due time is reckoned from
    now when the timing changed, and what was due until then is in the ledger as missed.
    """
    return schedule_edits.change(
        schedule_id, "update", lambda conn, _: schedule_edits.order(conn, asked), if_match=True
    )


@blueprint.patch("/<id:schedule_id>")
@blueprint.if_match(required=True)
@blueprint.body(SchedulePatchSchema, examples={"calmer": {"value": {"priority": 10}}})
@blueprint.answers(
    200, WrittenScheduleSchema, "The schedule as it is now.", headers=preconditions.HEADER
)
@blueprint.problems(404, 408, 409, 412, 415, 422, 428)
def change_schedule(asked: dict[str, Any], schedule_id: int) -> Answer:
    """Change some fields of a schedule

    What is left out stays. See PUT for what becomes of the due times.
    """

    def changed(conn: Connection, before: Schedule) -> ScheduleSpec:
        return replace(before.order(), **schedule_edits.wanted(conn, asked))

    return schedule_edits.change(schedule_id, "update", changed, if_match=True)


@blueprint.post("/<id:schedule_id>/toggle")
@blueprint.if_match(required=False)
@blueprint.body(ToggleSchema, required=False, examples={"on": {"value": {"enabled": True}}})
@blueprint.answers(
    200, WrittenScheduleSchema, "The schedule as it is now.", headers=preconditions.HEADER
)
@blueprint.problems(404, 408, 412, 415, 422)
def toggle_schedule(asked: dict[str, Any], schedule_id: int) -> Answer:
    """Turn a schedule on or off

    Turned on again it fires at its next due time, not for those that passed meanwhile.
    """

    def toggled(_: Connection, before: Schedule) -> ScheduleSpec:
        return replace(before.order(), enabled=asked.get("enabled", not before.enabled))

    return schedule_edits.change(schedule_id, "toggle", toggled, if_match=False)


@blueprint.delete("/<id:schedule_id>")
@blueprint.if_match(required=False)
@blueprint.answers_nothing("It is gone, with its ledger. Jobs that it enqueued stay.")
@blueprint.problems(404, 412)
def delete_schedule(schedule_id: int) -> tuple[str, int]:
    """Delete a schedule"""
    actor = auth.current_actor()

    def work(conn: Connection) -> None:
        before = schedule_edits.locked(conn, schedule_id)
        preconditions.check(before.version, required=False)
        schedule_changes.delete_schedule(conn, schedule_id=schedule_id)
        schedule_edits.audit(conn, actor, "delete", before=before, after=None)

    state.current().database.run(work)
    return "", 204
