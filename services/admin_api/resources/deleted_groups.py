"""DELETE /api/admin/groups/{id}: delete a finished group."""

from __future__ import annotations

from typing import Any

import flask

from admin_api.http import auth, preconditions, problems, state
from admin_api.http.blueprint import Blueprint
from admin_api.resources import group_requests, groups, operation_progress
from admin_api.schemas import group as group_schemas
from admin_api.schemas.operation import OperationSchema
from crawljobs.db.database import Connection
from crawljobs.domain.actor import Actor
from crawljobs.domain.api_token import Scope
from crawljobs.domain.group import Group
from crawljobs.domain.operation import Operation
from crawljobs.repository.groups.batches import group_batches
from crawljobs.repository.groups.batches.step_batches import BatchRequest
from crawljobs.repository.groups.edits import group_deletion
from crawljobs.repository.operations import audit_log

blueprint = Blueprint(
    "group_deletion",
    __name__,
    url_prefix=f"{groups.PREFIX}/<id:group_id>",
    description="Delete groups",
    changes=Scope.JOBS,
)


@blueprint.delete("")
@blueprint.if_match(required=False)
@blueprint.answers_nothing("The group and its steps are deleted. Its jobs stay.")
@blueprint.also_answers(
    202,
    OperationSchema,
    "The group has more than 1,000 steps. Workers delete it as an operation.",
    headers=operation_progress.LOCATION,
)
@blueprint.problems("not_found", "group_unfinished", "group_awaited", "operation_in_progress")
def delete_group(group_id: int) -> tuple[str, int] | flask.Response:
    """Delete a finished group"""
    actor = auth.current_actor()

    def work(conn: Connection) -> Operation | None:
        before = group_requests.locked(conn, group_id)
        preconditions.check(before.version, required=False)
        _check_may_be_deleted(conn, before)
        if before.steps > group_deletion.STEPS_MAX:
            request = BatchRequest(group_id, actor.name, actor)
            operation = group_batches.start_deletion(conn, request, steps=before.steps)
            _audit_deletion(conn, actor, before, after={"operation": operation.id})
            return operation
        group_deletion.delete_group(conn, group_id=group_id)
        _audit_deletion(conn, actor, before)
        return None

    with operation_progress.conflict_as_problem():
        operation = state.current().database.run(work)
    return ("", 204) if operation is None else operation_progress.accepted(operation)


def _check_may_be_deleted(conn: Connection, group: Group) -> None:
    if group.finished_at is None:
        raise problems.Problem("group_unfinished", "Cancel the group, or wait until it finishes.")
    if group_deletion.is_awaited(conn, group_id=group.id):
        raise problems.Problem(
            "group_awaited",
            "Steps of other groups wait for this group. Send the request again in a few seconds.",
        )


def _audit_deletion(
    conn: Connection, actor: Actor, before: Group, after: dict[str, Any] | None = None
) -> None:
    audit_log.record(
        conn,
        actor=actor,
        action="delete",
        resource_type=group_requests.RESOURCE_TYPE,
        resource_id=before.id,
        before=group_schemas.audited(before),
        after=after,
    )
