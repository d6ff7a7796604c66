"""/api/admin/groups/{id}/...: changes that concern many steps of a group."""

from __future__ import annotations

from typing import Any

import flask

from admin_api.http import api_counters, auth, preconditions, problems, responses, scopes, state
from admin_api.http.blueprint import Blueprint
from admin_api.resources import group_requests, operation_progress
from admin_api.schemas.group_batch import (
    GroupBoostSchema,
    GroupChangeResultSchema,
    GroupChangeSchema,
)
from admin_api.schemas.operation import OperationSchema
from crawljobs.db.database import Connection
from crawljobs.domain.api_token import Scope
from crawljobs.domain.operation import OperationKind
from crawljobs.repository.groups.batches import group_batches
from crawljobs.repository.groups.batches.group_batches import Batch, GroupFinished
from crawljobs.repository.groups.batches.step_batches import BatchRequest
from crawljobs.runtime import tracing

blueprint = Blueprint(
    "changes of groups",
    __name__,
    url_prefix=f"{group_requests.GROUPS_PATH}/<id:group_id>",
    description="Changes that concern many steps of a group",
    changes=Scope.JOBS,
)

_DONE = "The results of the steps."
_LARGE = "The change concerns more than 1,000 steps. Workers make it as an operation."
_DRY_RUN = {"dry_run": {"value": {"dry_run": True}}}


def _apply(
    group_id: int, kind: OperationKind, params: dict[str, Any]
) -> responses.Response | flask.Response:
    actor = auth.current_actor()
    if params["dry_run"]:
        scopes.require_also(Scope.READ, "for a dry run")
    request = BatchRequest(
        group_id,
        actor.name,
        actor,
        points=params.get("boost", 0),
        traceparent=tracing.traceparent(),
        dry_run=params["dry_run"],
    )

    def work(conn: Connection) -> Batch:
        preconditions.check(group_requests.locked(conn, group_id).version, required=False)
        batch = group_batches.start(conn, kind, request)
        if batch.chunk is not None and not request.dry_run:
            api_counters.finished(conn, batch.chunk.jobs)
        return batch

    try:
        with operation_progress.conflict_as_problem():
            batch = state.current().database.run(work)
    except GroupFinished as error:
        raise problems.Problem("group_finished", str(error)) from None
    if batch.operation is not None:
        return operation_progress.accepted(batch.operation)
    chunk = batch.chunk
    body = {
        "dry_run": request.dry_run,
        "group_id": group_id,
        "steps": batch.steps,
        "detail": batch.detail,
        "counts": chunk.counts if chunk else {},
        "jobs_changed": len(chunk.jobs) if chunk else 0,
        "items": [vars(item) for item in chunk.items] if chunk else [],
    }
    return body, 200, {}


@blueprint.post("/cancel")
@blueprint.if_match(required=False)
@blueprint.body(GroupChangeSchema, required=False, examples=_DRY_RUN)
@blueprint.answers(200, GroupChangeResultSchema, _DONE)
@blueprint.also_answers(202, OperationSchema, _LARGE, headers=operation_progress.LOCATION)
@blueprint.problems("not_found", "group_finished", "operation_in_progress")
def cancel_group(params: dict[str, Any], group_id: int) -> responses.Response | flask.Response:
    """Cancel a group

    Cancels the pending and held steps, and the live jobs that only this group requested. If other
    requests share a job, the job and its step stay. The group accepts no further steps, and
    finishes when its last step has ended.
    """
    return _apply(group_id, OperationKind.CANCEL_GROUP, params)


@blueprint.post("/retry-failed")
@blueprint.if_match(required=False)
@blueprint.body(GroupChangeSchema, required=False, examples=_DRY_RUN)
@blueprint.answers(200, GroupChangeResultSchema, _DONE)
@blueprint.also_answers(202, OperationSchema, _LARGE, headers=operation_progress.LOCATION)
@blueprint.problems("not_found", "operation_in_progress")
def retry_failed_steps(
    params: dict[str, Any], group_id: int
) -> responses.Response | flask.Response:
    """Retry the failed steps of a group

    Retries the job of each failed step. If the subreddit has another live job, or if the job was
    deleted, the step is enqueued again instead.

    Steps that were skipped or held because of a failed step are pending again. Cancelled steps stay
    cancelled. A finished group opens again, and its `generation` increases by 1.
    """
    return _apply(group_id, OperationKind.RETRY_FAILED, params)


@blueprint.post("/boost")
@blueprint.if_match(required=False)
@blueprint.body(GroupBoostSchema, examples={"boost": {"value": {"boost": 20, "dry_run": True}}})
@blueprint.answers(200, GroupChangeResultSchema, _DONE)
@blueprint.also_answers(202, OperationSchema, _LARGE, headers=operation_progress.LOCATION)
@blueprint.problems("not_found", "group_finished", "operation_in_progress")
def boost_group(params: dict[str, Any], group_id: int) -> responses.Response | flask.Response:
    """Raise the priority of a group's live jobs and waiting steps"""
    return _apply(group_id, OperationKind.BOOST_GROUP, params)
