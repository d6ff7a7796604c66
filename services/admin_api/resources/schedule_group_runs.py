"""Runs a schedule with steps for an operator: creates the group of the schedule now."""

from __future__ import annotations

from http import HTTPStatus

import flask

from admin_api.http import problems, state
from admin_api.resources import group_requests, schedule_steps
from admin_api.schemas.group import GroupOverviewSchema
from crawljobs.db.database import Connection
from crawljobs.domain.actor import Actor
from crawljobs.domain.schedule import Schedule
from crawljobs.domain.schedule_group import UnreadableSteps
from crawljobs.repository.groups import group_reads
from crawljobs.repository.operations import audit_log
from crawljobs.repository.schedules import due_schedules, manual_run
from crawljobs.runtime import tracing


def run(conn: Connection, actor: Actor, schedule: Schedule) -> flask.Response:
    """Create the group of the locked schedule, and return the group with the status 202.

    Raises a Problem if the last group of the schedule has not finished, or if the token lacks the
    scope `jobs`. Raises InvalidPlan.
    """
    schedule_steps.require_scope()
    unfinished = due_schedules.unfinished_groups(conn, [schedule.id]).get(schedule.id)
    if unfinished is not None:
        raise problems.Problem(
            "group_unfinished",
            f"The last group of the schedule, {unfinished}, has not finished. Wait for its end or "
            "cancel it.",
        )
    with tracing.span("enqueue", tracing.Kind.PRODUCER) as span:
        group_id = _create(conn, actor, schedule, str(span.context))
        span.set_attributes({"crawljobs.group.id": group_id})
    audit_log.record(
        conn,
        actor=actor,
        action="run",
        resource_type="scheduled_job",
        resource_id=schedule.id,
        after={"group_id": group_id},
    )
    created = group_reads.overview(conn, group_requests.current(conn, group_id))
    # The view serializes its result with the schema of a job. The result here is a group, so this
    # function serializes the group itself.
    response = flask.jsonify(GroupOverviewSchema().dump(created))
    response.status_code = HTTPStatus.ACCEPTED
    response.headers["Location"] = f"{group_requests.GROUPS_PATH}/{group_id}"
    return response


def _create(conn: Connection, actor: Actor, schedule: Schedule, traceparent: str) -> int:
    try:
        return manual_run.create_group_now(
            conn,
            schedule=schedule,
            created_by=actor.name,
            default_max_retries=state.current().max_retries,
            traceparent=traceparent,
        )
    except UnreadableSteps as error:
        raise problems.Problem("subreddit_gone", f"The schedule cannot run: {error}.") from None
