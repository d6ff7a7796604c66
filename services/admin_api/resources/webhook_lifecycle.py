"""/api/admin/webhooks/{id}/secret, ping, rotate-secret, enable and disable."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from admin_api.http import auth, preconditions, responses, state
from admin_api.http.blueprint import Blueprint
from admin_api.resources import webhook_requests, webhook_secrets
from admin_api.resources.webhook_requests import PREFIX
from admin_api.schemas.webhook import (
    CreatedWebhookSchema,
    RotateSecretSchema,
    WebhookSchema,
    WebhookSecretSchema,
)
from admin_api.schemas.webhook_delivery import PingSchema
from crawljobs.db.database import Connection
from crawljobs.domain.api_token import Scope
from crawljobs.domain.webhook import DisabledReason, Endpoint
from crawljobs.repository.webhooks import (
    delivery_holding,
    endpoint_changes,
    endpoint_rows,
    pings,
)

blueprint = Blueprint(
    "webhook_lifecycle",
    __name__,
    url_prefix=f"{PREFIX}/<id:endpoint_id>",
    description="Test, enable and disable endpoints, and rotate their secrets",
    reads=Scope.WEBHOOKS,
    changes=Scope.WEBHOOKS,
)
blueprint.before_request(webhook_secrets.require_master_key)

_LOCATION = {"Location": {"schema": {"type": "string"}, "description": "The path of the delivery."}}


@blueprint.get("/secret")
@blueprint.answers(200, WebhookSecretSchema, "The secrets.")
@blueprint.problems("webhooks_off", "not_found")
def show_webhook_secret(endpoint_id: int) -> responses.Response:
    """Show the secrets of an endpoint

    The request is written to the audit log, without the secrets.
    """
    actor = auth.current_actor()

    def work(conn: Connection) -> Endpoint:
        found = endpoint_rows.get(conn, endpoint_id=endpoint_id)
        if found is None:
            raise webhook_requests.missing(endpoint_id)
        webhook_requests.audit(conn, actor, "show_secret", endpoint_id)
        return found

    found = state.current().database.run(work)
    previous = webhook_secrets.previous_secret_of(found)
    body = {
        "secret": webhook_secrets.secret_of(found),
        "previous_secret": previous,
        "previous_secret_until": previous and found.previous_secret_until,
    }
    return body, 200, {}


@blueprint.post("/rotate-secret", secret=True)
@blueprint.if_match(required=False)
@blueprint.body(
    RotateSecretSchema, required=False, examples={"at once": {"value": {"previous_valid_hours": 0}}}
)
@blueprint.answers(
    200, CreatedWebhookSchema, "The endpoint with its new secret.", headers=preconditions.HEADER
)
@blueprint.problems("webhooks_off", "not_found")
def rotate_webhook_secret(params: dict[str, Any], endpoint_id: int) -> responses.Response:
    """Replace the secret of an endpoint

    Until `previous_secret_until`, both secrets sign each request. So the receiver can change to the
    new secret at any time before then.
    """
    valid_for = timedelta(hours=params["previous_valid_hours"])

    def rotate(conn: Connection, before: Endpoint) -> Endpoint:
        return endpoint_changes.rotate_secret(conn, endpoint_id=before.id, valid_for=valid_for)

    return webhook_secrets.shown_with_secret(_changed(endpoint_id, "rotate_secret", rotate))


@blueprint.post("/enable")
@blueprint.if_match(required=False)
@blueprint.answers(200, WebhookSchema, "The endpoint.", headers=preconditions.HEADER)
@blueprint.problems("webhooks_off", "not_found")
def enable_webhook(endpoint_id: int) -> responses.Response:
    """Enable an endpoint, and send its held deliveries

    Held deliveries are sent at a rate of 10 per second. An enabled endpoint stays as it is.
    """

    def enable(conn: Connection, before: Endpoint) -> Endpoint:
        after = endpoint_changes.enable(conn, endpoint_id=before.id)
        if after is None:
            return before
        delivery_holding.settle(conn)
        return after

    return webhook_requests.shown(_changed(endpoint_id, "enable", enable))


@blueprint.post("/disable")
@blueprint.if_match(required=False)
@blueprint.answers(200, WebhookSchema, "The endpoint.", headers=preconditions.HEADER)
@blueprint.problems("webhooks_off", "not_found")
def disable_webhook(endpoint_id: int) -> responses.Response:
    """Disable an endpoint

    The endpoint gets no further events. Its pending deliveries are held. An endpoint that was
    disabled because of failures still gets held deliveries for new events. After this request, it
    gets no deliveries for new events.
    """

    def disable(conn: Connection, before: Endpoint) -> Endpoint:
        if before.disabled_reason is DisabledReason.OPERATOR:
            return before
        after = endpoint_changes.disable(
            conn, endpoint_id=before.id, reason=DisabledReason.OPERATOR
        )
        delivery_holding.settle(conn)
        return after

    return webhook_requests.shown(_changed(endpoint_id, "disable", disable))


@blueprint.post("/ping")
@blueprint.answers(202, PingSchema, "The ping is sent within a second.", headers=_LOCATION)
@blueprint.problems("webhooks_off", "not_found", "webhook_disabled")
def ping_webhook(endpoint_id: int) -> responses.Response:
    """Send an event of the type `test.ping` to an endpoint

    The scheduler sends the event once. The delivery shows the answer of the receiver. While a ping
    is pending, a further request returns that ping.
    """
    actor = auth.current_actor()

    def work(conn: Connection) -> int:
        before = webhook_requests.locked_enabled(conn, endpoint_id)
        delivery_id = pings.ping(conn, endpoint_id=before.id)
        webhook_requests.audit(conn, actor, "ping", endpoint_id, delivery_id=delivery_id)
        return delivery_id

    delivery_id = state.current().database.run(work)
    headers = {"Location": f"{PREFIX}/deliveries/{delivery_id}"}
    return {"delivery_id": delivery_id}, 202, headers


def _changed(
    endpoint_id: int, action: str, change: Callable[[Connection, Endpoint], Endpoint]
) -> Endpoint:
    """Lock the endpoint, check If-Match, call `change`, and write an audit row of the change."""
    actor = auth.current_actor()

    def work(conn: Connection) -> Endpoint:
        before = webhook_requests.locked(conn, endpoint_id)
        after = change(conn, before)
        if after.version != before.version:
            webhook_requests.audit(conn, actor, action, endpoint_id, before=before, after=after)
        return after

    return state.current().database.run(work)
