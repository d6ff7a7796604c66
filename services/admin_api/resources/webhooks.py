"""/api/admin/webhooks: the endpoints to which events are sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from admin_api.http import auth, pagination, preconditions, problems, responses, state
from admin_api.http.blueprint import Blueprint
from admin_api.resources import webhook_requests, webhook_secrets
from admin_api.resources.webhook_requests import PREFIX
from admin_api.schemas.webhook import (
    CreatedWebhookSchema,
    WebhookBodySchema,
    WebhookListSchema,
    WebhookParameters,
    WebhookPatchSchema,
    WebhookSchema,
)
from crawljobs.db.database import Connection
from crawljobs.domain.api_token import Scope
from crawljobs.domain.webhook import ENDPOINTS_MAX, Endpoint
from crawljobs.repository.webhooks import delivery_holding, endpoint_changes, endpoint_rows
from crawljobs.repository.webhooks.endpoint_changes import EndpointSpec

blueprint = Blueprint(
    "webhooks",
    __name__,
    url_prefix=PREFIX,
    description="Endpoints to which events of jobs, groups and schedules are sent",
    reads=Scope.WEBHOOKS,
    changes=Scope.WEBHOOKS,
)
blueprint.before_request(webhook_secrets.require_master_key)

_LOCATION = {"Location": {"schema": {"type": "string"}, "description": "The path of the endpoint."}}
_FAILURES = {
    "url": "https://hooks.example.com/crawljobs",
    "events": ["job.failed", "schedule.disabled"],
    "description": "chat of the team",
}
_OF_GROUP = {**_FAILURES, "events": ["group.finished"], "filter": {"group_id": 17}}


@blueprint.post("", secret=True)
@blueprint.body(
    WebhookBodySchema,
    examples={"failures": {"value": _FAILURES}, "group": {"value": _OF_GROUP}},
)
@blueprint.answers(
    201,
    CreatedWebhookSchema,
    "The new endpoint with its secret.",
    headers={**_LOCATION, **preconditions.HEADER},
)
@blueprint.problems("webhooks_off", "too_many_webhooks")
def create_webhook(params: dict[str, Any]) -> responses.Response:
    """Create an endpoint

    The endpoint gets events of the changes that follow this request. At most 50 endpoints can
    exist.
    """
    actor = auth.current_actor()
    spec = webhook_requests.spec_of(params)
    webhook_requests.check_url(spec.url)

    def work(conn: Connection) -> Endpoint:
        made = endpoint_changes.create(
            conn, spec=spec, created_by=actor.name, at_most=ENDPOINTS_MAX
        )
        if made is None:
            raise problems.Problem(
                "too_many_webhooks",
                f"There are {ENDPOINTS_MAX} endpoints already. Delete one, or add your events to "
                "an endpoint.",
            )
        webhook_requests.audit(conn, actor, "create", made.id, after=made)
        return made

    made = state.current().database.run(work)
    body, status, headers = webhook_secrets.shown_with_secret(made, 201)
    return body, status, {**headers, "Location": f"{PREFIX}/{made.id}"}


@blueprint.get("")
@blueprint.parameters(WebhookParameters)
@blueprint.answers_page(WebhookListSchema, "One page of endpoints.")
@blueprint.problems("webhooks_off")
def list_webhooks(params: dict[str, Any]) -> responses.Response:
    """List endpoints, oldest first"""
    page = pagination.Page.requested("webhooks", params)
    with state.current().database.read() as conn:
        found = endpoint_rows.list_endpoints(conn, after_id=page.last_id, limit=page.rows_to_fetch)
    return page.response(PREFIX, found)


@blueprint.get("/<id:endpoint_id>")
@blueprint.answers(200, WebhookSchema, "The endpoint.", headers=preconditions.HEADER)
@blueprint.problems("webhooks_off", "not_found")
def show_webhook(endpoint_id: int) -> responses.Response:
    """Show an endpoint, without its secret"""
    with state.current().database.read() as conn:
        found = endpoint_rows.get(conn, endpoint_id=endpoint_id)
    if found is None:
        raise webhook_requests.missing(endpoint_id)
    return webhook_requests.shown(found)


@blueprint.put("/<id:endpoint_id>")
@blueprint.if_match(required=True)
@blueprint.body(WebhookBodySchema, examples={"failures": {"value": _FAILURES}})
@blueprint.answers(200, WebhookSchema, "The endpoint as it is now.", headers=preconditions.HEADER)
@blueprint.problems("webhooks_off", "not_found")
def replace_webhook(params: dict[str, Any], endpoint_id: int) -> responses.Response:
    """Replace the URL, events, description and filter of an endpoint

    An absent field gets its default. The endpoint keeps its state and its secret. Later attempts of
    all deliveries use the new URL.
    """
    spec = webhook_requests.spec_of(params)
    webhook_requests.check_url(spec.url)
    return _change(endpoint_id, lambda _: spec)


@blueprint.patch("/<id:endpoint_id>")
@blueprint.if_match(required=True)
@blueprint.body(WebhookPatchSchema, examples={"events": {"value": {"events": ["job.failed"]}}})
@blueprint.answers(200, WebhookSchema, "The endpoint as it is now.", headers=preconditions.HEADER)
@blueprint.problems("webhooks_off", "not_found")
def change_webhook(params: dict[str, Any], endpoint_id: int) -> responses.Response:
    """Change some fields of an endpoint

    An absent field stays unchanged.
    """
    if "url" in params:
        webhook_requests.check_url(params["url"])
    return _change(endpoint_id, lambda before: webhook_requests.spec_of(params, before))


def _change(endpoint_id: int, spec: Callable[[Endpoint], EndpointSpec]) -> responses.Response:
    actor = auth.current_actor()

    def work(conn: Connection) -> Endpoint:
        before = webhook_requests.locked(conn, endpoint_id, if_match=True)
        chosen = spec(before)
        if chosen == webhook_requests.spec_of({}, before):
            return before
        after = endpoint_changes.change(conn, endpoint_id=endpoint_id, spec=chosen)
        webhook_requests.audit(conn, actor, "update", endpoint_id, before=before, after=after)
        return after

    return webhook_requests.shown(state.current().database.run(work))


@blueprint.delete("/<id:endpoint_id>")
@blueprint.if_match(required=False)
@blueprint.answers_nothing("The endpoint is deleted. Its open deliveries are dropped.")
@blueprint.problems("webhooks_off", "not_found")
def delete_webhook(endpoint_id: int) -> tuple[str, int]:
    """Delete an endpoint"""
    actor = auth.current_actor()

    def work(conn: Connection) -> None:
        before = webhook_requests.locked(conn, endpoint_id)
        endpoint_changes.remove(conn, endpoint_id=endpoint_id)
        delivery_holding.settle(conn)
        webhook_requests.audit(conn, actor, "delete", endpoint_id, before=before)

    state.current().database.run(work)
    return "", 204
