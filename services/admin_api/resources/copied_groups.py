"""POST /api/admin/groups/{id}/clone: create a group with the steps of another group."""

from __future__ import annotations

from typing import Any

from admin_api.http import auth, preconditions, problems, responses, state
from admin_api.http.blueprint import Blueprint
from admin_api.http.request import large_body_turns
from admin_api.resources import group_requests, groups, operation_progress
from admin_api.schemas.group import GroupOverviewSchema
from admin_api.schemas.group_edit import CloneSchema
from crawljobs.db.database import Connection
from crawljobs.domain.api_token import Scope
from crawljobs.domain.group_plan import STEPS_MAX_OF_REQUEST
from crawljobs.domain.operation import OperationKind
from crawljobs.repository.groups.edits import group_cloning
from crawljobs.repository.operations import operation_rows
from crawljobs.repository.operations.operation_rows import OperationInProgress

blueprint = Blueprint(
    "group_copies",
    __name__,
    url_prefix=f"{groups.PREFIX}/<id:group_id>",
    description="Copy groups",
    changes=Scope.JOBS,
)


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
@blueprint.problems(
    "not_found",
    "group_closed",
    "group_too_large",
    "operation_in_progress",
    "too_many_large_bodies",
)
def clone_group(params: dict[str, Any], group_id: int) -> responses.Response:
    """Create a group with the same steps, which all begin as pending

    Without a name, the copy gets the name of the group. The copy is sealed if the group is sealed.
    Each new step waits for the same steps, jobs and groups as the original step. Jobs and groups
    that were deleted are left out.
    """
    actor = auth.current_actor()

    def work(conn: Connection) -> responses.Response:
        # Do not lock the source group. It does not change, and its lock could cause a deadlock.
        # Transactions lock groups in the order of ids. But to create the new steps, the transaction
        # also locks the groups for which they wait. These groups may have lower ids.
        source = group_requests.current(conn, group_id)
        running = operation_rows.open_of(
            conn, resource_type=group_requests.RESOURCE_TYPE, resource_id=group_id
        )
        if running is not None and running.kind == OperationKind.DELETE_GROUP:
            raise OperationInProgress(running.id)  # a part of the steps is deleted already
        steps = (
            group_cloning.requests_of(conn, group_id=group_id)
            if source.steps <= STEPS_MAX_OF_REQUEST
            else None
        )
        if steps is None:
            raise problems.Problem(
                "group_too_large",
                f"A group can be copied if it has at most {STEPS_MAX_OF_REQUEST:,} steps and "
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

    # A copy can have as many steps as a large request body, so a clone counts as a large request.
    with (
        large_body_turns.turn(),
        group_requests.plan_errors_as_problems(),
        operation_progress.conflict_as_problem(),
    ):
        return state.current().database.run(work)
