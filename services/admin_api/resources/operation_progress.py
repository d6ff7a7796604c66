"""/api/admin/operations: large changes that workers make in chunks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import flask

from admin_api.http import pagination, problems, responses, state
from admin_api.http.blueprint import Blueprint
from admin_api.http.polling import conditional
from admin_api.schemas.operation import (
    OperationListSchema,
    OperationParameters,
    OperationSchema,
)
from crawljobs.domain.api_token import Scope
from crawljobs.domain.operation import Operation, OperationKind, OperationState
from crawljobs.repository.operations import operation_list, operation_rows
from crawljobs.repository.operations.operation_rows import OperationInProgress

PREFIX = "/api/admin/operations"
LOCATION = {"Location": {"schema": {"type": "string"}, "description": "The path of the operation."}}

blueprint = Blueprint(
    "large changes",
    __name__,
    url_prefix=PREFIX,
    description="Large changes, which workers make in chunks",
    changes=Scope.JOBS,
)


@blueprint.get("")
@blueprint.parameters(OperationParameters)
@blueprint.answers_page(OperationListSchema, "One page of operations.")
def list_operations(params: dict[str, Any]) -> responses.Response:
    """List operations, newest first

    An operation must match all filters. For a page, the API examines at most 10,000 operations. A
    page with `next` may therefore hold fewer operations than `limit`.
    """
    page = pagination.Page.requested("operations", params)
    with state.current().database.read() as conn:
        found = operation_list.list_operations(
            conn,
            states=[OperationState(name) for name in params["state"]],
            kind=None if params["kind"] is None else OperationKind(params["kind"]),
            before_id=page.last_id,
            limit=page.limit,
        )
    return page.response_with(
        PREFIX, found.operations, next_at=None if found.next is None else [found.next]
    )


@blueprint.get("/<id:operation_id>")
@blueprint.may_be_unchanged
@blueprint.answers(200, OperationSchema, "The operation.", headers=conditional.HEADERS)
@blueprint.problems("not_found")
def show_operation(operation_id: int) -> Operation:
    """Show the progress of an operation

    A change of more than 1,000 rows returns 202 with the path of an operation. Workers then make
    the change. Finished operations are deleted after `RETENTION_DAYS`.
    """
    with state.current().database.read() as conn:
        found = operation_rows.get(conn, operation_id=operation_id)
    if found is None:
        raise problems.Problem("not_found", f"There is no operation {operation_id}.")
    return found


def accepted(operation: Operation) -> flask.Response:
    """Return the response to a request whose change became an operation."""
    response = flask.jsonify(OperationSchema().dump(operation))
    response.status_code = 202
    response.headers["Location"] = f"{PREFIX}/{operation.id}"
    return response


@contextmanager
def conflict_as_problem() -> Iterator[None]:
    """Convert OperationInProgress to a problem whose Location header has the operation's path."""
    try:
        yield
    except OperationInProgress as error:
        raise problems.Problem(
            "operation_in_progress",
            str(error),
            headers={"Location": f"{PREFIX}/{error.operation_id}"},
        ) from None
