"""Schemas of the endpoints of webhooks."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from admin_api.schemas.fields import (
    PageParameters,
    Timestamp,
    Whole,
    described,
    identifier,
    next_cursor,
)
from admin_api.schemas.known import Known, known
from admin_api.schemas.webhook_filter import WebhookFilterBodySchema, WebhookFilterSchema
from crawljobs.domain.webhook import (
    DESCRIPTION_MAX,
    PREVIOUS_SECRET_HOURS,
    PREVIOUS_SECRET_HOURS_MAX,
    SUBSCRIBABLE,
    URL_MAX,
    DisabledReason,
    EndpointState,
)

SUBSCRIBED_TYPE = Known("SubscribedEventType", SUBSCRIBABLE)


class WebhookBodySchema(ma.Schema):
    """An endpoint: a URL, and the events that are sent to it."""

    url = fields.String(
        required=True,
        validate=validate.Length(min=1, max=URL_MAX),
        metadata=described(
            "An https URL. Its host must have only public addresses, unless a setting allows "
            "others.",
            example="https://hooks.example.com/crawljobs",
        ),
    )
    events = fields.List(
        fields.String(validate=SUBSCRIBED_TYPE),
        required=True,
        validate=validate.Length(min=1, max=len(SUBSCRIBABLE)),
        metadata=described("The types of events that are sent."),
    )
    description = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(max=DESCRIPTION_MAX),
        metadata=described("Free text; null or an empty text: none.", example="chat of the team"),
    )
    filter = fields.Nested(
        WebhookFilterBodySchema,
        load_default=None,
        allow_none=True,
        metadata=described("Absent or null: no filter."),
    )


class WebhookPatchSchema(WebhookBodySchema):
    """The fields of an endpoint to change. Absent fields stay unchanged."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"partial": ("url", "events", "description", "filter"), **options})

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        field_obj.load_default = ma.missing


class WebhookSchema(ma.Schema):
    """An endpoint without its secret."""

    id = identifier("The endpoint.")
    url = fields.String(required=True)
    events = fields.List(fields.String(validate=SUBSCRIBED_TYPE), required=True)
    description = fields.String(required=True, allow_none=True)
    filter = fields.Nested(WebhookFilterSchema, required=True)
    state = fields.String(required=True, validate=known(EndpointState))
    disabled_reason = fields.String(
        required=True,
        allow_none=True,
        validate=known(DisabledReason),
        metadata=described(
            "`operator`: no event is sent or held. `gone` (the receiver answered 410) or `failing` "
            "(no attempt succeeded for 5 days): events are held until the endpoint is enabled."
        ),
    )
    disabled_detail = fields.String(required=True, allow_none=True)
    disabled_at = Timestamp(required=True, allow_none=True)
    secret_version = fields.Integer(
        required=True, metadata=described("The number of the secret; a rotation adds 1.")
    )
    previous_secret_until = Timestamp(
        required=True,
        allow_none=True,
        metadata=described("The previous secret signs too, until this time."),
    )
    created_at = Timestamp(required=True)
    created_by = fields.String(required=True)
    updated_at = Timestamp(required=True)
    version = fields.Integer(required=True, metadata=described("Increases with every change."))
    last_success_at = Timestamp(required=True, allow_none=True)
    first_failure_at = Timestamp(
        required=True,
        allow_none=True,
        metadata=described("The first failed attempt since the last success."),
    )
    last_failure_at = Timestamp(required=True, allow_none=True)


class CreatedWebhookSchema(WebhookSchema):
    """A new endpoint with its secret."""

    secret = fields.String(
        required=True,
        metadata=described("The secret of the signatures, for the libraries of Standard Webhooks."),
    )


class WebhookListSchema(ma.Schema):
    items = fields.List(fields.Nested(WebhookSchema), required=True)
    next = next_cursor()


class WebhookParameters(PageParameters):
    """The query parameters of the list of endpoints."""


class WebhookSecretSchema(ma.Schema):
    """The secrets that sign the events for an endpoint."""

    secret = fields.String(required=True)
    previous_secret = fields.String(
        required=True,
        allow_none=True,
        metadata=described("The secret before the last rotation, while it signs too."),
    )
    previous_secret_until = Timestamp(required=True, allow_none=True)


class RotateSecretSchema(ma.Schema):
    """The time for which the present secret signs events too, after the new secret is created."""

    previous_valid_hours = Whole(
        load_default=PREVIOUS_SECRET_HOURS,
        validate=validate.Range(min=0, max=PREVIOUS_SECRET_HOURS_MAX),
        metadata=described("In hours; 0: the present secret ends at once."),
    )
