"""/api/admin/webhooks/{id}/deliveries and /api/admin/webhooks/deliveries/{id}."""

from __future__ import annotations

from typing import Any

from admin_api.http import auth, pagination, problems, responses, state
from admin_api.http.blueprint import Blueprint
from admin_api.resources import webhook_requests, webhook_secrets
from admin_api.resources.webhook_requests import PREFIX
from admin_api.schemas.webhook_delivery import (
    WebhookDeliveryDetailSchema,
    WebhookDeliveryListSchema,
    WebhookDeliveryParameters,
)
from crawljobs.db.database import Connection
from crawljobs.domain.api_token import Scope
from crawljobs.domain.webhook import DeliveryState
from crawljobs.repository.webhooks import delivery_reads, delivery_send_now, endpoint_rows
from crawljobs.repository.webhooks.delivery_reads import DeliveryDetail
from crawljobs.repository.webhooks.replays import delivery_replay

blueprint = Blueprint(
    "webhook_deliveries",
    __name__,
    url_prefix=PREFIX,
    description="Deliveries of events, with the answers of the receivers",
    reads=Scope.WEBHOOKS,
    changes=Scope.WEBHOOKS,
)
blueprint.before_request(webhook_secrets.require_master_key)


@blueprint.get("/<id:endpoint_id>/deliveries")
@blueprint.parameters(WebhookDeliveryParameters)
@blueprint.answers_page(WebhookDeliveryListSchema, "One page of deliveries.")
@blueprint.problems("webhooks_off", "not_found")
def list_webhook_deliveries(params: dict[str, Any], endpoint_id: int) -> responses.Response:
    """List the deliveries of an endpoint, newest first"""
    page = pagination.Page.requested(f"webhook deliveries {endpoint_id}", params)
    chosen = params["state"]
    with state.current().database.read() as conn:
        if endpoint_rows.get(conn, endpoint_id=endpoint_id) is None:
            raise webhook_requests.missing(endpoint_id)
        found = delivery_reads.list_deliveries(
            conn,
            endpoint_id=endpoint_id,
            state=None if chosen is None else DeliveryState(chosen),
            before_id=page.last_id,
            limit=page.rows_to_fetch,
        )
    return page.response(f"{PREFIX}/{endpoint_id}/deliveries", found)


@blueprint.get("/deliveries/<id:delivery_id>")
@blueprint.answers(200, WebhookDeliveryDetailSchema, "The delivery.")
@blueprint.problems("webhooks_off", "not_found")
def show_webhook_delivery(delivery_id: int) -> responses.Response:
    """Show a delivery with its event and its attempts"""
    with state.current().database.read() as conn:
        return _shown(_found(conn, delivery_id)), 200, {}


@blueprint.post("/deliveries/<id:delivery_id>/replay")
@blueprint.answers(202, WebhookDeliveryDetailSchema, "The delivery, which is pending again.")
@blueprint.problems("webhooks_off", "not_found", "delivery_open")
def replay_webhook_delivery(delivery_id: int) -> responses.Response:
    """Send an ended delivery again

    The delivery keeps its `webhook-id`. An endpoint gets 10 replays a second. So this replay is
    sent after the replays that are already planned. While the endpoint is disabled, the delivery is
    held.
    """
    actor = auth.current_actor()

    def work(conn: Connection) -> DeliveryDetail:
        before = _found(conn, delivery_id).delivery
        endpoint_id = before.endpoint_id
        if endpoint_rows.lock(conn, endpoint_id=endpoint_id) is None:
            raise webhook_requests.missing(endpoint_id)
        if not delivery_replay.replay(conn, delivery_id=delivery_id, endpoint_id=endpoint_id):
            raise problems.Problem(
                "delivery_open",
                "The delivery has not ended: it waits for its attempt at `next_attempt_at`, or "
                "until its endpoint is enabled.",
            )
        webhook_requests.audit(
            conn, actor, "replay", endpoint_id, delivery_id=delivery_id, deliveries=1
        )
        return _found(conn, delivery_id)

    return _shown(state.current().database.run(work)), 202, {}


@blueprint.post("/deliveries/<id:delivery_id>/send-now")
@blueprint.answers(202, WebhookDeliveryDetailSchema, "The delivery, which is attempted at once.")
@blueprint.problems("webhooks_off", "not_found", "delivery_not_pending")
def send_webhook_delivery(delivery_id: int) -> responses.Response:
    """Send a pending delivery now, without the rest of its delay

    The attempt counts as one of the attempts of the delivery. If an attempt is in flight, or if the
    delivery is due already, nothing changes.
    """
    actor = auth.current_actor()

    def work(conn: Connection) -> DeliveryDetail:
        endpoint_id = _found(conn, delivery_id).delivery.endpoint_id
        if endpoint_rows.lock(conn, endpoint_id=endpoint_id) is None:
            raise webhook_requests.missing(endpoint_id)
        is_sent = delivery_send_now.send_now(conn, delivery_id=delivery_id)
        found = _found(conn, delivery_id)
        if found.delivery.state is not DeliveryState.PENDING:
            raise problems.Problem(
                "delivery_not_pending",
                f"The delivery is {found.delivery.state}. An enable of the endpoint sends held "
                "deliveries, and a replay sends an ended one again.",
            )
        if is_sent:
            webhook_requests.audit(conn, actor, "send_now", endpoint_id, delivery_id=delivery_id)
        return found

    return _shown(state.current().database.run(work)), 202, {}


def _found(conn: Connection, delivery_id: int) -> DeliveryDetail:
    found = delivery_reads.get(conn, delivery_id=delivery_id)
    if found is None:
        raise problems.Problem("not_found", f"There is no delivery {delivery_id}.")
    return found


def _shown(found: DeliveryDetail) -> dict[str, Any]:
    return {
        **vars(found.delivery),
        "data": found.data,
        "body": found.body,
        "attempt_list": found.attempts,
    }
