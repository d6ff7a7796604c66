"""/api/admin/webhooks/{id}/replay: send many deliveries of an endpoint again."""

from __future__ import annotations

from typing import Any

import flask

from admin_api.http import auth, state
from admin_api.http.blueprint import Blueprint
from admin_api.resources import operation_progress, webhook_requests, webhook_secrets
from admin_api.resources.webhook_requests import PREFIX
from admin_api.schemas.webhook_delivery import ReplayRequestSchema, ReplaySchema
from crawljobs.db.database import Connection
from crawljobs.domain.api_token import Scope
from crawljobs.repository.webhooks.replays import replay_operation
from crawljobs.repository.webhooks.replays.replay_operation import Replay, ReplayRequest
from crawljobs.runtime import tracing

blueprint = Blueprint(
    "webhook_replays",
    __name__,
    url_prefix=f"{PREFIX}/<id:endpoint_id>",
    description="Send deliveries of webhooks again",
    reads=Scope.WEBHOOKS,
    changes=Scope.WEBHOOKS,
)
blueprint.before_request(webhook_secrets.require_master_key)

_SINCE = {"since": "2031-05-17T09:30:00Z"}


@blueprint.post("/replay")
@blueprint.body(
    ReplayRequestSchema,
    examples={
        "failed": {"value": _SINCE},
        "all": {"value": {**_SINCE, "only_failed": False}},
        "count": {"value": {**_SINCE, "dry_run": True}},
    },
)
@blueprint.answers(
    202,
    ReplaySchema,
    "The deliveries are sent, 10 a second.",
    headers={
        "Location": {
            "schema": {"type": "string"},
            "description": "The path of the operation, or of the pending deliveries.",
        }
    },
)
@blueprint.also_answers(200, ReplaySchema, "The result of a dry run.")
@blueprint.problems("webhooks_off", "not_found", "webhook_disabled", "operation_in_progress")
def replay_webhook(params: dict[str, Any], endpoint_id: int) -> flask.Response:
    """Send again the failed deliveries, or all deliveries, of events since a time

    Workers replay more than 1,000 deliveries as the operation `operation_id`. Each delivery keeps
    its `webhook-id`, so the receiver can recognize events that it already has.
    """
    actor = auth.current_actor()
    request = ReplayRequest(
        endpoint_id,
        params["since"],
        params["only_failed"],
        actor,
        traceparent=tracing.traceparent(),
        dry_run=params["dry_run"],
    )

    def work(conn: Connection) -> Replay:
        webhook_requests.locked_enabled(conn, endpoint_id)
        replay = replay_operation.start(conn, request)
        if not request.dry_run:
            more: dict[str, Any] = {}
            if replay.operation is not None:
                more["operation"] = replay.operation.id
            webhook_requests.audit(
                conn,
                actor,
                "replay",
                endpoint_id,
                since=request.since.isoformat(),
                only_failed=request.only_failed,
                deliveries=replay.deliveries,
                **more,
            )
        return replay

    with operation_progress.conflict_as_problem():
        return _answer(state.current().database.run(work), request)


def _answer(replay: Replay, request: ReplayRequest) -> flask.Response:
    dry_run, operation = request.dry_run, replay.operation
    shown = {
        "deliveries": replay.deliveries,
        # Only a dry run may count too few deliveries, because it stops after a limited number of
        # deliveries. An operation replays all deliveries.
        "more": replay.more and dry_run,
        "dry_run": dry_run,
        "operation_id": None if operation is None else operation.id,
    }
    response = flask.jsonify(ReplaySchema().dump(shown))
    response.status_code = 200 if dry_run else 202
    if operation is not None:
        response.headers["Location"] = f"{operation_progress.PREFIX}/{operation.id}"
    elif not dry_run:
        pending = f"{PREFIX}/{request.endpoint_id}/deliveries?state=pending"
        response.headers["Location"] = pending
    return response
