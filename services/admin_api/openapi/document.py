"""The OpenAPI document: flask-smorest's, with the problems, the id types and curl examples."""

from __future__ import annotations

import functools
from http import HTTPStatus
from typing import Any

import flask
import flask_smorest  # type: ignore[import-untyped]
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter, ValidationError

from admin_api.http import idempotency, problems
from admin_api.http.blueprint import POST_PROBLEMS
from admin_api.openapi import curl
from admin_api.schemas.fields import INT8_MAX
from admin_api.schemas.problem import ProblemSchema
from admin_api.schemas.problem_kinds import KINDS

DESCRIPTION = """\
Enqueue, watch and schedule crawls of subreddits.

Send the token as `Authorization: Bearer <token>`. Times are RFC 3339 in UTC. Ids are 64-bit
integers. `next` of a list is the cursor of its next page. Every error is an
`application/problem+json` with a `request_id`, which is also in the log.

The curl commands read that header from the file that `ADMIN_API_HEADER` names, because all users of
a machine can see command lines. `./run demo` writes the file `.onebox/admin-header`; elsewhere:
`(umask 077; printf 'Authorization: Bearer %s\\n' "$(cat TOKEN_FILE)" > admin-header)`.
"""


class IdConverter(BaseConverter):
    """A positive int8 in a path. Any other number is the id of no resource: 404."""

    regex = "[0-9]{1,19}"

    def to_python(self, value: str) -> int:
        number = int(value)
        if not 1 <= number <= INT8_MAX:
            raise ValidationError
        return number


class SubredditConverter(BaseConverter):
    """The id or name of a stored subreddit, with all characters that authors' histories hold."""

    regex = "[A-Za-z0-9_][A-Za-z0-9_.:-]{0,23}"


class TokenIdConverter(BaseConverter):
    """The id of a token."""

    regex = "[0-9a-f]{12}"


class Api(flask_smorest.Api):  # type: ignore[misc] # the base has no types
    ERROR_SCHEMA = ProblemSchema

    def handle_http_exception(self, error: HTTPException) -> flask.Response:
        return problems.respond_to_http_exception(error)

    def _register_responses(self) -> None:
        """Document problems with their content type."""
        self.DEFAULT_RESPONSE_CONTENT_TYPE: str = "application/problem+json"
        super()._register_responses()
        del self.DEFAULT_RESPONSE_CONTENT_TYPE  # the class attribute applies to other responses

    def _register_pagination_header(self) -> None:
        """Not documented: the lists of this API have cursors, not flask-smorest's header."""

    def _openapi_json(self) -> flask.Response:
        return respond(self)


def install(app: flask.Flask) -> Api:
    converters = {"id": IdConverter, "subreddit": SubredditConverter, "token": TokenIdConverter}
    app.url_map.converters.update(converters)
    app.config.update(
        API_TITLE="crawljobs",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/api",
        API_SPEC_OPTIONS={
            "info": {"description": DESCRIPTION},
            "servers": [{"url": "/"}],
            "security": [{"token": []}],
            "x-problems": [
                {"code": code, "status": kind.status, "title": kind.title}
                for code, kind in KINDS.items()
            ],
        },
    )
    api = Api(app)
    api.spec.components.security_scheme("token", {"type": "http", "scheme": "bearer"})
    api.register_converter(
        IdConverter, lambda _: {"type": "integer", "format": "int64", "minimum": 1}
    )
    for converter in (SubredditConverter, TokenIdConverter):
        api.register_converter(converter, _pattern_of)
    return api


def _pattern_of(converter: BaseConverter) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^{converter.regex}$"}


@functools.lru_cache(maxsize=1)
def _as_json(api: Api) -> str:
    document: dict[str, Any] = api.spec.to_dict()
    _describe_idempotency(document["paths"])
    _forbid_null_in_queries(document["paths"])
    _describe_problems(document["components"]["responses"])
    _describe_choices(document["components"]["schemas"])
    curl.add_examples(document)
    return flask.json.dumps(document)


def _forbid_null_in_queries(paths: dict[str, Any]) -> None:
    """Remove null from the types of query parameters: a query string cannot contain null.

    marshmallow has one option for an absent value and for null, so its document allows both.
    """
    for item in paths.values():
        for operation in item.values():
            for parameter in operation.get("parameters", []) if isinstance(operation, dict) else ():
                schema = parameter.get("schema", {})
                if parameter.get("in") == "query" and isinstance(schema.get("type"), list):
                    (schema["type"],) = (kind for kind in schema["type"] if kind != "null")
                    schema.pop("default", None)
                    if None in schema.get("enum", []):
                        schema["enum"] = [value for value in schema["enum"] if value is not None]


def _describe_idempotency(paths: dict[str, Any]) -> None:
    for item in paths.values():
        if "post" in item:
            item["post"].setdefault("parameters", []).append(idempotency.PARAMETER)
            for status in POST_PROBLEMS:
                reference = f"#/components/responses/{HTTPStatus(status).name}"
                item["post"]["responses"].setdefault(str(status), {"$ref": reference})


# The checks of whole objects (validates_schema in marshmallow) as JSON Schema.
_BY_FILTER = {"required": ["filter"], "not": {"required": ["job_ids"]}}
_CHOICES: dict[str, dict[str, Any]] = {
    "Bulk": {
        "oneOf": [
            {"required": ["job_ids"], "not": {"required": ["filter"]}},
            {**_BY_FILTER, "required": ["filter", "expected_count"]},
            {
                **_BY_FILTER,
                "required": ["filter", "dry_run"],
                "properties": {"dry_run": {"const": True}, "expected_count": False},
            },
        ]
    },
    "ScheduleBody": {
        "oneOf": [{"required": ["subreddit"]}, {"required": ["subreddit_id"]}],
    },
    "SchedulePatch": {"not": {"required": ["subreddit", "subreddit_id"]}},
}
_CHOICES |= dict.fromkeys(("BulkStatus", "BulkBoost"), _CHOICES["Bulk"])


def _describe_choices(schemas: dict[str, Any]) -> None:
    for name, choice in _CHOICES.items():
        schemas[name].update(choice)


def _describe_problems(responses: dict[str, Any]) -> None:
    """Describe each problem response by the titles of its problems."""
    for name, response in responses.items():
        status = HTTPStatus.__members__.get(name)
        titles = [
            f"{kind.title} (`{code}`)." for code, kind in KINDS.items() if kind.status == status
        ]
        response["description"] = " ".join(titles) or response["description"]


def respond(api: Api) -> flask.Response:
    return flask.Response(_as_json(api), mimetype="application/json")
