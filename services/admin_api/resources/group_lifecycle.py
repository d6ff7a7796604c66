"""/api/admin/groups/{id}/seal, pause, resume and clone, and the deletion of a group."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask

from admin_api.http import auth, preconditions, problems, responses, state
from admin_api.http.blueprint import Blueprint
from admin_api.http.request import large_body_turns
from admin_api.resources import group_requests, groups, operation_progress
from admin_api.schemas import group as group_schemas
from admin_api.schemas.group import GroupOverviewSchema
from admin_api.schemas.group_edit import CloneSchema
from admin_api.schemas.operation import OperationSchema
from crawljobs.db.database import Connection
from crawljobs.domain.actor import Actor
from crawljobs.domain.api_token import Scope
from crawljobs.domain.group import Group
from crawljobs.domain.operation import Operation
from crawljobs.repository.groups import group_creation, resolver_hint
from crawljobs.repository.groups.batches import group_batches
from crawljobs.repository.groups.batches.step_batches import BatchRequest
from crawljobs.repository.groups.edits import group_cloning, group_deletion, group_pausing
from crawljobs.repository.operations import audit_log

blueprint = Blueprint(
    "group_lifecycle",
    __name__,
    url_prefix=f"{groups.PREFIX}/<id:group_id>",
    description="Seal, pause, resume, copy and delete groups",
    changes=Scope.JOBS,
)


@blueprint.post("/seal")
@blueprint.if_match(required=False)
@blueprint.answers(200, GroupOverviewSchema, "The group.", headers=preconditions.HEADER)
@blueprint.problems("not_found")
def seal_group(group_id: int) -> responses.Response:
    """Seal a group, so that it accepts no further steps

    A sealed group finishes when its last step ends. A group without open steps finishes at once. A
    sealed group stays as it is.
    """

    def work(conn: Connection, group: Group) -> None:
        if group.sealed_at is None:
            group_creation.seal(conn, group_id=group.id)

    return _changed(group_id, "seal", work)


@blueprint.post("/pause")
@blueprint.if_match(required=False)
@blueprint.answers(200, GroupOverviewSchema, "The group.", headers=preconditions.HEADER)
@blueprint.problems("not_found", "group_finished")
def pause_group(group_id: int) -> responses.Response:
    """Pause a group, so that no pending step starts

    Jobs of the group that are enqueued already continue. A group that is paused stays paused.
    """

    def work(conn: Connection, group: Group) -> None:
        if group.finished_at is not None:
            raise problems.Problem("group_finished", "A finished group has no step to pause.")
        if group.paused_at is None:
            group_pausing.pause(conn, group_id=group.id)

    return _changed(group_id, "pause", work)


@blueprint.post("/resume")
@blueprint.if_match(required=False)
@blueprint.answers(200, GroupOverviewSchema, "The group.", headers=preconditions.HEADER)
@blueprint.problems("not_found")
def resume_group(group_id: int) -> responses.Response:
    """Resume a paused group

    A group that is not paused stays as it is.
    """

    def work(conn: Connection, group: Group) -> None:
        if group.paused_at is not None:
            group_pausing.resume(conn, group_id=group.id)

    return _changed(group_id, "resume", work)


def _changed(
    group_id: int, action: str, work: Callable[[Connection, Group], None]
) -> responses.Response:
    """Lock the group, check If-Match, call `work`, audit its change, and return the group."""
    actor = auth.current_actor()

    def transaction(conn: Connection) -> responses.Response:
        before = group_requests.locked(conn, group_id)
        preconditions.check(before.version, required=False)
        work(conn, before)
        after = group_requests.current(conn, group_id)
        if after.version != before.version:
            group_requests.audit(conn, actor, action, before=before, after=after)
            resolver_hint.send(conn)
        return groups.shown(conn, group_id)

    return state.current().database.run(transaction)


@blueprint.post("/clone")
@blueprint.body(
    CloneSchema, required=False, examples={"again": {"value": {"name": "python, once more"}}}
)
@blueprint.answers(
    201,
    GroupOverviewSchema,
    "The new group.",
    headers={**groups.LOCATION, **preconditions.HEADER},
)
@blueprint.problems("not_found", "group_closed", "group_too_large", "too_many_large_bodies")
def clone_group(params: dict[str, Any], group_id: int) -> responses.Response:
    """Create a group with the same steps, which all begin as pending

    Without a name, the copy has the name of the group. It is sealed if the group is sealed. Steps
    wait for the same jobs and groups, except those that were deleted.
    """
    actor = auth.current_actor()

    def work(conn: Connection) -> responses.Response:
        # The source group does not change, so it is not locked. Its lock could cause a deadlock,
        # because the new steps lock the groups for which they wait, also groups with lower ids.
        source = group_requests.current(conn, group_id)
        steps = (
            group_cloning.requests_of(conn, group_id=group_id)
            if source.steps <= group_cloning.STEPS_MAX
            else None
        )
        if steps is None:
            raise problems.Problem(
                "group_too_large",
                f"A group can be copied if it has at most {group_cloning.STEPS_MAX:,} steps and "
                f"{group_cloning.WAITS_MAX:,} waits.",
            )
        made = group_requests.create(
            conn,
            actor,
            name=params["name"] or source.name,
            steps=steps,
            sealed=source.sealed_at is not None,
            action="clone",
            cloned_from=source.id,
        )
        return groups.shown(conn, made.id, status=201)

    # A copy can have as many steps as a large body, so a clone takes the turn of a large body.
    with large_body_turns.turn(), group_requests.plan_errors_as_problems():
        return state.current().database.run(work)


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
