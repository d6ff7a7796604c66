"""/api/admin/webhooks/health: the success and the duration of recent deliveries."""

from __future__ import annotations

import flask

from admin_api.http import state
from admin_api.http.blueprint import Blueprint
from admin_api.http.polling import conditional
from admin_api.http.polling.conditional import Answer
from admin_api.resources import webhook_secrets
from admin_api.resources.webhook_requests import PREFIX
from admin_api.schemas.webhook_health import WebhookHealthSchema
from crawljobs.domain.api_token import Scope
from crawljobs.repository.schedules import schedule_changes
from crawljobs.repository.webhooks import delivery_health

KEPT_SECONDS = 5.0
MOVING = frozenset({"as_of"})

blueprint = Blueprint(
    "webhook_health",
    __name__,
    url_prefix=PREFIX,
    description="The success and the duration of recent deliveries",
    reads=Scope.WEBHOOKS,
    changes=Scope.WEBHOOKS,
)
blueprint.before_request(webhook_secrets.require_master_key)
_schema = WebhookHealthSchema()


@blueprint.get("/health")
@blueprint.may_be_unchanged
@blueprint.answers(200, WebhookHealthSchema, "The health.", headers=conditional.HEADERS)
@blueprint.problems("webhooks_off")
def show_webhook_health() -> flask.Response:
    """Show the success and the duration of the deliveries of the last 24 hours, by endpoint

    A process computes the answer at most once in five seconds, for all clients together. With
    If-None-Match, the answer is 304 while nothing has changed.
    """
    found = state.current().shared.get("webhook_health", _compute, seconds=KEPT_SECONDS)
    return conditional.respond(found)


def _compute() -> Answer:
    with state.current().database.read() as conn:
        now = schedule_changes.clock(conn)
        body = {"as_of": now, "endpoints": delivery_health.read_health(conn, now=now)}
    return conditional.answer(_schema.dump(body), moving=MOVING)
