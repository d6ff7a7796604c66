"""Strict parsing of bodies and query strings: invalid input is a 4xx problem, never a 500."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import flask
import marshmallow as ma
from webargs.flaskparser import FlaskParser
from webargs.multidictproxy import MultiDictProxy

from admin_api.http import problems
from admin_api.http.request import json_bounds, request_body
from crawljobs.domain import plain_text

MAX_FIELD_ERRORS = 50  # a body can hold thousands of errors; clients need only the first
MAX_MESSAGE_CHARACTERS = 300


def refuse_stray_parameters() -> None:
    """Refuse query parameters on views that declare none: an ignored filter would mislead."""
    endpoint = flask.request.endpoint
    if endpoint is None or not flask.request.args:
        return
    view = flask.current_app.view_functions.get(endpoint)
    if not getattr(view, "takes_parameters", False):
        _unknown_parameters(list(flask.request.args))


class Parser(FlaskParser):
    """Reads a body (problems 400, 415, 422) or a query string (problems 400, 422) by a schema."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.may_be_absent: set[ma.Schema] = set()  # schemas of bodies that are not required

    def load_json(self, req: flask.Request, schema: ma.Schema) -> Any:
        if schema in self.may_be_absent and not _has_body(req):
            return {}
        if req.mimetype != "application/json" or req.content_encoding not in (None, "identity"):
            raise problems.Problem(
                "unsupported_media_type",
                "Send uncompressed JSON with Content-Type: application/json.",
            )
        return parsed_json(request_body.read(), request_body.bounds().values)

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
            raise _invalid(repeated + steering)
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
            raise _invalid(list(flattened(messages)))
        raise _invalid([])


def _has_body(req: flask.Request) -> bool:
    return bool(req.content_length) or "Transfer-Encoding" in req.headers


def _by_location(error: ma.ValidationError) -> dict[str, Any]:
    messages = error.messages
    return messages if isinstance(messages, dict) else {"_schema": messages}


def parsed_json(body: bytes, values_max: int) -> Any:
    """The value of a JSON text. Raises a Problem if it is invalid or Postgres cannot store it."""
    try:
        json_bounds.check(body, values_max)
        value = json.loads(
            body.decode(),
            parse_constant=_no_constant,
            parse_int=json_bounds.whole_number,
            parse_float=json_bounds.decimal_number,
            object_pairs_hook=_unique,
        )
    except json_bounds.TooManyValues as error:
        raise _invalid([problems.FieldError("", str(error))]) from None
    except ValueError as error:  # also bytes that are not UTF-8
        raise problems.Problem("invalid_json", str(error)[:MAX_MESSAGE_CHARACTERS]) from None
    unusable = [
        problems.FieldError(pointer_to(path), f"holds {fault}") for path, fault in _unusable(value)
    ]
    if unusable:
        raise _invalid(unusable)
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object. Raises ValueError for a repeated key: parsers disagree about which one counts."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("an object has the same key twice")
    return members


def _unusable(value: Any) -> Iterator[tuple[list[str | int], str]]:
    """The path and the fault of each string that Postgres refuses or that can control a terminal.

    Not recursive, so deep nesting cannot overflow the stack.
    """
    rest: list[tuple[list[str | int], Any]] = [([], value)]
    while rest:
        path, here = rest.pop()
        if isinstance(here, str):
            if plain_text.has_steering(here):
                yield path, "a control character"
            elif not here.isascii() and _has_surrogate(here):
                yield path, "half of a surrogate pair"
        elif isinstance(here, dict):
            for key, inner in here.items():
                rest += [(path, key), ([*path, key], inner)]
        elif isinstance(here, list):
            rest += [([*path, index], inner) for index, inner in enumerate(here)]


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def pointer_to(path: list[str | int]) -> str:
    """A JSON pointer (RFC 6901) that can be encoded, whatever the keys contain."""
    steps = [str(step).replace("~", "~0").replace("/", "~1") for step in path]
    text = "".join(f"/{step}" for step in steps)[:MAX_MESSAGE_CHARACTERS]
    return text.encode("utf-8", "replace").decode()


def flattened(messages: Any, path: tuple[str | int, ...] = ()) -> Iterator[problems.FieldError]:
    """The nested messages of marshmallow as one list; `_schema` stands for the whole value."""
    if isinstance(messages, Mapping):
        for name, inner in messages.items():
            yield from flattened(inner, path if name == "_schema" else (*path, name))
    else:
        for message in messages if isinstance(messages, list) else [messages]:
            yield problems.FieldError(pointer_to(list(path)), str(message)[:MAX_MESSAGE_CHARACTERS])


def _names_of(schema: ma.Schema) -> set[str]:
    return {field.data_key or name for name, field in schema.fields.items()}


def _unknown_parameters(names: list[str]) -> NoReturn:
    raise problems.Problem(
        "unknown_parameter",
        "Remove the parameter, or see the parameters of this path at /docs.",
        [problems.FieldError(pointer_to([name]), "unknown") for name in names[:MAX_FIELD_ERRORS]],
    )


def _invalid(fields: list[problems.FieldError]) -> problems.Problem:
    return problems.Problem(
        "invalid_request", "`errors` lists each invalid value.", fields[:MAX_FIELD_ERRORS]
    )


def install(app: flask.Flask) -> None:
    app.before_request(refuse_stray_parameters)
