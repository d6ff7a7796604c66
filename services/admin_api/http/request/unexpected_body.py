"""Refuses a body if the view declares none. Otherwise the view would ignore the body's fields."""

from __future__ import annotations

import re

import flask

from admin_api.http import problems
from admin_api.http.request import json_values, request_body
from admin_api.http.request.field_errors import MAX_FIELD_ERRORS, pointer_to

# Many client libraries send an empty object if their caller gives no body.
_EMPTY_OBJECT = re.compile(rb"[ \t\r\n]*\{[ \t\r\n]*\}[ \t\r\n]*")


def refuse() -> None:
    """Raise a Problem if the request has a body that its view does not declare.

    No body, an empty body and the JSON object `{}` are accepted. Unknown paths are ignored here,
    because their response is 404 or 405.
    """
    request = flask.request
    if request.endpoint is None or not request_body.is_announced() or _is_declared(request):
        return
    if not request_body.is_plain_json():
        # Refuse a body that is not JSON. Read the body only if its length is unknown.
        if request.content_length or request_body.read():
            raise _unexpected(request.method, [])
        return
    body = request_body.read()
    if body and not _EMPTY_OBJECT.fullmatch(body):
        raise _unexpected(request.method, _members(body))


def _is_declared(request: flask.Request) -> bool:
    """Return whether the view declares a body and will get the body.

    Flask itself answers OPTIONS and does not call the view, so for OPTIONS the result is False.
    """
    view = flask.current_app.view_functions.get(request.endpoint or "")
    return request_body.is_declared(view) and request.method != "OPTIONS"


def _members(body: bytes) -> list[problems.FieldError]:
    """Return an error for each member of a JSON object, at most MAX_FIELD_ERRORS errors.

    For any other body, return an empty list.
    """
    try:
        value = json_values.parsed_json(body, request_body.bounds().values)
    except problems.Problem:
        return []
    names = list(value) if isinstance(value, dict) else []
    return [
        problems.FieldError(pointer_to([name]), "Unknown field.")
        for name in names[:MAX_FIELD_ERRORS]
    ]


def _unexpected(method: str, fields: list[problems.FieldError]) -> problems.Problem:
    return problems.Problem(
        "unexpected_body",
        f"{method} takes no body at this path, so nothing was done. Send the request without a "
        "body; /docs lists the body of each request.",
        fields,
    )


def install(app: flask.Flask) -> None:
    """Let the app call `refuse` before each view.

    Call this after request_body.install(), which refuses large bodies before they are read.
    """
    app.before_request(refuse)
