"""Parses bodies and query strings strictly. Invalid input is a 4xx problem, never a 500."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import flask
import marshmallow as ma
from webargs.flaskparser import FlaskParser
from webargs.multidictproxy import MultiDictProxy

from admin_api.http import problems
from admin_api.http.request import json_values, request_body
from admin_api.http.request.field_errors import (
    MAX_FIELD_ERRORS,
    flattened,
    invalid,
    pointer_to,
)
from crawljobs.domain import plain_text


def refuse_stray_parameters() -> None:
    """Refuse query parameters if the view declares none. Otherwise the view would ignore them."""
    endpoint = flask.request.endpoint
    if endpoint is None or not flask.request.args:
        return
    view = flask.current_app.view_functions.get(endpoint)
    if not getattr(view, "takes_parameters", False):
        _unknown_parameters(list(flask.request.args))


class Parser(FlaskParser):
    """Reads a body or query string by a schema. Invalid input raises a Problem (400, 415, 422)."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.may_be_absent: set[ma.Schema] = set()  # schemas of bodies that are not required

    def load_json(self, req: flask.Request, schema: ma.Schema) -> Any:
        if schema in self.may_be_absent and not request_body.is_announced():
            return {}
        if not request_body.is_plain_json():
            absent = "" if request_body.is_announced() else "The request has no body. "
            raise problems.Problem(
                "unsupported_media_type",
                f"{absent}Send uncompressed JSON with Content-Type: application/json.",
            )
        return json_values.parsed_json(request_body.read(), request_body.bounds().values)

    def load_querystring(self, req: flask.Request, schema: ma.Schema) -> Any:
        query = MultiDictProxy(req.args, schema)
        repeated = [
            problems.FieldError(pointer_to([name]), "given more than once")
            for name, values in req.args.lists()
            if len(values) > 1 and name not in query.multiple_keys
        ]
        steering = [
            problems.FieldError(pointer_to([name]), "holds a control character")
            for name, values in req.args.lists()
            if plain_text.has_steering(name) or any(map(plain_text.has_steering, values))
        ]
        if repeated or steering:
            raise invalid(repeated + steering)
        return query

    def handle_error(
        self,
        error: ma.ValidationError,
        req: flask.Request,
        schema: ma.Schema,
        *,
        error_status_code: int | None,
        error_headers: Mapping[str, str] | None,
    ) -> NoReturn:
        for location, messages in _by_location(error).items():
            if location == "query":
                unknown = [name for name in messages if name not in _names_of(schema)]
                if unknown:
                    _unknown_parameters(unknown)
            raise invalid(list(flattened(messages)))
        raise invalid([])


def _by_location(error: ma.ValidationError) -> dict[str, Any]:
    messages = error.messages
    return messages if isinstance(messages, dict) else {"_schema": messages}


def _names_of(schema: ma.Schema) -> set[str]:
    return {field.data_key or name for name, field in schema.fields.items()}


def _unknown_parameters(names: list[str]) -> NoReturn:
    raise problems.Problem(
        "unknown_parameter",
        "Remove the parameter, or see the parameters of this path at /docs.",
        [problems.FieldError(pointer_to([name]), "unknown") for name in names[:MAX_FIELD_ERRORS]],
    )


def install(app: flask.Flask) -> None:
    app.before_request(refuse_stray_parameters)
