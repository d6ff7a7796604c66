"""/api/admin/scheduled-jobs: standing orders to crawl a subreddit."""

from __future__ import annotations

from typing import Any

from admin_api import auth, errors, pages, state
from admin_api.blueprint import Blueprint
from admin_api.jobs import checked_subreddit
from admin_api.schemas.fields import refuse_value
from admin_api.schemas.schedule import (
    ScheduleCreateSchema,
    ScheduleListSchema,
    ScheduleParameters,
    ScheduleSchema,
)
from crawljobs.db.database import Connection
from crawljobs.domain.schedule import Schedule
from crawljobs.errors import DuplicateName, InvalidCron
from crawljobs.repository import audit_log
from crawljobs.repository import schedules as repository

PREFIX = "/api/admin/scheduled-jobs"

blueprint = Blueprint(
    "schedules", __name__, url_prefix=PREFIX, description="Crawls that repeat by a timetable"
)


@blueprint.post("")
@blueprint.body(
    ScheduleCreateSchema,
    examples={
        "nightly": {
            "value": {
                "name": "python, nightly",
                "subreddit": "python",
                "cron_expression": "@daily",
                "timezone": "Europe/Vienna",
            }
        }
    },
)
@blueprint.answers(
    201,
    ScheduleSchema,
    "The new schedule.",
    headers={"Location": {"schema": {"type": "string"}, "description": "The schedule's own path."}},
)
@blueprint.problems(408, 409, 415, 422)
def create_schedule(asked: dict[str, Any]) -> tuple[Schedule, int, dict[str, str]]:
    """Create a schedule

    At each due time a crawl of the subreddit is enqueued, once, however many schedulers run.
    """
    asked["subreddit"] = checked_subreddit(asked["subreddit"])
    actor = auth.current_actor()

    def work(conn: Connection) -> Schedule:
        created = repository.create_schedule(conn, **asked)
        audit_log.record(
            conn,
            actor=actor,
            action="create",
            resource_type="scheduled_job",
            resource_id=created.id,
            before=None,
            after=ScheduleSchema().dump(created),
        )
        return created

    try:
        created = state.current().database.run(work)
    except InvalidCron as error:
        raise refuse_value(f"/{error.field}", str(error)) from None
    except DuplicateName as error:
        raise errors.Problem(
            "duplicate_name", str(error), [errors.FieldError("/name", "is taken")]
        ) from None
    return created, 201, {"Location": f"{PREFIX}/{created.id}"}


@blueprint.get("")
@blueprint.parameters(ScheduleParameters)
@blueprint.answers(200, ScheduleListSchema, "One page of schedules.", headers=pages.LINK_HEADER)
@blueprint.problems(422)
def list_schedules(asked: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
    """List schedules, oldest first"""
    page = pages.Page.asked_for("schedules", asked)
    with state.current().database.begin() as conn:
        found = repository.list_schedules(
            conn, after_id=page.last_id, limit=page.rows_to_fetch, enabled=asked["enabled"]
        )
    return page.answer(PREFIX, found)


@blueprint.get("/<id:schedule_id>")
@blueprint.answers(200, ScheduleSchema, "The schedule.")
@blueprint.problems(404)
def show_schedule(schedule_id: int) -> Schedule:
    """Show a schedule"""
    with state.current().database.begin() as conn:
        found = repository.get_schedule(conn, schedule_id=schedule_id)
    if found is None:
        raise errors.Problem("not_found", f"There is no schedule {schedule_id}.")
    return found
