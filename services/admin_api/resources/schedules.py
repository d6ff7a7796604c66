"""/api/admin/scheduled-jobs: schedules, which crawl subreddits at the times of a timetable."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from admin_api.http import auth, pagination, preconditions, problems, responses, state
from admin_api.http.blueprint import Blueprint
from admin_api.http.request import request_body
from admin_api.http.request.large_body_turns import one_at_a_time
from admin_api.resources import schedule_edits
from admin_api.schemas.schedule import (
    ScheduleListSchema,
    ScheduleSchema,
    WrittenScheduleSchema,
)
from admin_api.schemas.schedule_edit import (
    ScheduleBodySchema,
    ScheduleParameters,
    SchedulePatchSchema,
    ToggleSchema,
)
from crawljobs.db.database import Connection
from crawljobs.domain.api_token import Scope
from crawljobs.domain.schedule import Schedule, ScheduleSpec
from crawljobs.repository.schedules import schedule_changes, schedule_deletion
from crawljobs.repository.schedules import schedule_reads as repository

PREFIX = "/api/admin/scheduled-jobs"

blueprint = Blueprint(
    "schedules",
    __name__,
    url_prefix=PREFIX,
    description="Crawls that repeat by a timetable",
    changes=Scope.SCHEDULES,
)

_LOCATION = {"Location": {"schema": {"type": "string"}, "description": "The path of the schedule."}}
_NIGHTLY = {
    "name": "python, nightly",
    "subreddit": "python",
    "cron_expression": "@daily",
    "timezone": "Europe/Vienna",
}
_MAP = {
    "name": "nightly map",
    "cron_expression": "0 2 * * *",
    "steps": [
        {"subreddit": "python"},
        {"subreddit": "learnpython", "after": ["python"]},
        {"subreddit": "flask", "after": "all", "on_upstream_failure": "proceed"},
    ],
}
_WEEKLY = {**_NIGHTLY, "name": "python, weekly", "cron_expression": "@weekly"}


@blueprint.post("")
@one_at_a_time
@blueprint.body(
    ScheduleBodySchema,
    examples={"nightly": {"value": _NIGHTLY}, "map": {"value": _MAP}},
    bounds=request_body.LARGE,
)
@blueprint.answers(
    201, WrittenScheduleSchema, "The new schedule.", headers={**_LOCATION, **preconditions.HEADER}
)
@blueprint.problems("duplicate_name")
def create_schedule(params: dict[str, Any]) -> responses.Response:
    """Create a schedule

    Each due time enqueues one crawl of the subreddit, even if several schedulers run. With `steps`,
    each due time creates one sealed group of these steps, named after the schedule and the due
    time. To create or change a schedule with steps, the token also needs the scope `jobs`.
    """
    actor = auth.current_actor()

    def work(conn: Connection) -> responses.Response:
        spec = schedule_edits.spec_of(conn, params)
        created = schedule_changes.create_schedule(conn, order=spec)
        schedule_edits.audit(conn, actor, "create", before=None, after=created)
        return schedule_edits.written(conn, created, status=201)

    with schedule_edits.domain_errors_as_problems():
        body, status, headers = state.current().database.run(work)
    return body, status, {**headers, "Location": f"{PREFIX}/{body['id']}"}


@blueprint.get("")
@blueprint.parameters(ScheduleParameters)
@blueprint.answers_page(ScheduleListSchema, "One page of schedules.")
def list_schedules(params: dict[str, Any]) -> responses.Response:
    """List schedules, oldest first

    A schedule must match all filters. A filter on a subreddit does not find schedules with steps.
    """
    page = pagination.Page.requested("schedules", params)
    with state.current().database.read() as conn:
        return page.response(PREFIX, page_of(conn, params, page))


def page_of(conn: Connection, params: dict[str, Any], page: pagination.Page) -> list[Schedule]:
    """Return the schedules of the requested page, and one more if a page follows."""
    return repository.list_schedules(
        conn,
        after_id=page.last_id,
        limit=page.rows_to_fetch,
        enabled=params["enabled"],
        broken=params["broken"],
        subreddit=params["subreddit"],
        subreddit_id=params["subreddit_id"],
    )


@blueprint.get("/<id:schedule_id>")
@blueprint.answers(200, ScheduleSchema, "The schedule.", headers=preconditions.HEADER)
@blueprint.problems("not_found")
def show_schedule(schedule_id: int) -> responses.Response:
    """Show a schedule"""
    with state.current().database.read() as conn:
        found = repository.get_schedule(conn, schedule_id=schedule_id)
    if found is None:
        raise problems.Problem("not_found", f"There is no schedule {schedule_id}.")
    return found, 200, preconditions.etag(found.version)


@blueprint.put("/<id:schedule_id>")
@one_at_a_time
@blueprint.if_match(required=True)
@blueprint.body(
    ScheduleBodySchema, examples={"weekly": {"value": _WEEKLY}}, bounds=request_body.LARGE
)
@blueprint.answers(
    200, WrittenScheduleSchema, "The schedule as it is now.", headers=preconditions.HEADER
)
@blueprint.problems("not_found", "duplicate_name")
def replace_schedule(params: dict[str, Any], schedule_id: int) -> responses.Response:
    """Replace a schedule

    An absent field gets its default. The change itself starts no crawl. If the timing changes, the
    next due time is computed from now. Past due times that did not fire are recorded as missed.
    """
    return schedule_edits.change(
        schedule_id, "update", lambda conn, _: schedule_edits.spec_of(conn, params), if_match=True
    )


@blueprint.patch("/<id:schedule_id>")
@one_at_a_time
@blueprint.if_match(required=True)
@blueprint.body(
    SchedulePatchSchema,
    examples={"calmer": {"value": {"priority": 10}}},
    bounds=request_body.LARGE,
)
@blueprint.answers(
    200, WrittenScheduleSchema, "The schedule as it is now.", headers=preconditions.HEADER
)
@blueprint.problems("not_found", "duplicate_name")
def change_schedule(params: dict[str, Any], schedule_id: int) -> responses.Response:
    """Change some fields of a schedule

    An absent field stays unchanged. `steps` replace the subreddit, or all stored steps. The
    description of PUT explains the effect on due times.
    """

    def changed(conn: Connection, before: Schedule) -> ScheduleSpec:
        return replace(before.spec(), **schedule_edits.spec_fields(conn, params))

    return schedule_edits.change(schedule_id, "update", changed, if_match=True)


@blueprint.post("/<id:schedule_id>/toggle")
@blueprint.if_match(required=False)
@blueprint.body(ToggleSchema, required=False, examples={"on": {"value": {"enabled": True}}})
@blueprint.answers(
    200, WrittenScheduleSchema, "The schedule as it is now.", headers=preconditions.HEADER
)
@blueprint.problems("not_found")
def toggle_schedule(params: dict[str, Any], schedule_id: int) -> responses.Response:
    """Enable or disable a schedule

    A newly enabled schedule fires at its next due time, but not for due times in the past.
    """

    def toggled(_: Connection, before: Schedule) -> ScheduleSpec:
        return replace(before.spec(), enabled=params.get("enabled", not before.enabled))

    return schedule_edits.change(schedule_id, "toggle", toggled, if_match=False)


@blueprint.delete("/<id:schedule_id>")
@blueprint.if_match(required=False)
@blueprint.answers_nothing("The schedule and its ledger are deleted. Its jobs and groups stay.")
@blueprint.problems("not_found")
def delete_schedule(schedule_id: int) -> tuple[str, int]:
    """Delete a schedule

    An unfinished group of the schedule goes on. Cancel the group to stop it.
    """
    actor = auth.current_actor()

    def work(conn: Connection) -> None:
        before = schedule_edits.locked(conn, schedule_id)
        preconditions.check(before.version, required=False)
        schedule_deletion.delete_schedule(conn, schedule_id=schedule_id)
        schedule_edits.audit(conn, actor, "delete", before=before, after=None)

    state.current().database.run(work)
    return "", 204
