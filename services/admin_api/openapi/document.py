"""Adds the problems, the types of ids and curl commands to flask-smorest's OpenAPI document."""

from __future__ import annotations

import copy
import functools
from typing import Any

import flask
import flask_smorest  # type: ignore[import-untyped]
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter, ValidationError

from admin_api.http import problems
from admin_api.openapi import body_variants, curl, details, open_responses, problem_responses
from admin_api.schemas.fields import INT8_MAX
from admin_api.schemas.group_edit import KEY_PATTERN
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
    """Accepts a positive 64-bit id in a path. Larger numbers and 0 give 404."""

    regex = "[0-9]{1,19}"

    def to_python(self, value: str) -> int:
        number = int(value)
        if not 1 <= number <= INT8_MAX:
            raise ValidationError
        return number


class SubredditConverter(BaseConverter):
    """Accepts the id or name of a subreddit.

    Some names, such as `t:1337`, occur only in authors' histories. They are accepted too.
    """

    regex = "[A-Za-z0-9_][A-Za-z0-9_.:-]{0,23}"


class TokenIdConverter(BaseConverter):
    """Accepts the id of a token in a path."""

    regex = "[0-9a-f]{12}"


class PostIdConverter(BaseConverter):
    """Accepts the base-36 id of a post, with or without the prefix t3_."""

    regex = "(t3_)?[0-9a-z]{1,13}"


class AuthorConverter(BaseConverter):
    """Accepts the name of a Reddit account."""

    regex = "[A-Za-z0-9_-]{1,64}"


class StepKeyConverter(BaseConverter):
    """Accepts the key of a step of a group."""

    regex = KEY_PATTERN


class Api(flask_smorest.Api):  # type: ignore[misc] # the base has no types
    ERROR_SCHEMA = ProblemSchema

    def handle_http_exception(self, error: HTTPException) -> flask.Response:
        return problems.respond_to_http_exception(error)

    def _register_responses(self) -> None:
        """Document the problem responses with the content type application/problem+json."""
        self.DEFAULT_RESPONSE_CONTENT_TYPE: str = "application/problem+json"
        super()._register_responses()
        del self.DEFAULT_RESPONSE_CONTENT_TYPE  # other responses use the base class's default

    def _register_pagination_header(self) -> None:
        """Do nothing: flask-smorest's pagination header does not apply to lists with cursors."""

    def _openapi_json(self) -> flask.Response:
        return respond(self)


def install(app: flask.Flask) -> Api:
    converters = {
        "id": IdConverter,
        "subreddit": SubredditConverter,
        "token": TokenIdConverter,
        "key": StepKeyConverter,
        "post": PostIdConverter,
        "author": AuthorConverter,
    }
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
    api.ma_plugin.converter.add_attribute_function(open_responses.attributes_of)
    api.spec.components.security_scheme("token", {"type": "http", "scheme": "bearer"})
    api.register_converter(
        IdConverter, lambda _: {"type": "integer", "format": "int64", "minimum": 1}
    )
    for converter in converters.values():
        if converter is not IdConverter:
            api.register_converter(converter, _pattern_of)
    return api


def _pattern_of(converter: BaseConverter) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^{converter.regex}$"}


@functools.lru_cache(maxsize=1)
def _as_json(api: Api) -> str:
    # Change only a copy: two threads may run this function, and `to_dict` returns shared parts.
    document: dict[str, Any] = copy.deepcopy(api.spec.to_dict())
    details.describe_idempotency(document["paths"])
    details.forbid_null_in_queries(document["paths"])
    problem_responses.describe_problems(document)
    schemas = document["components"]["schemas"]
    details.drop_null_defaults(schemas)
    details.describe_schemas(schemas, api.ma_plugin.converter.refs)
    body_variants.split_bodies(schemas)
    open_responses.name_values(document)
    open_responses.open_objects(document)
    curl.add_examples(document)
    return flask.json.dumps(document)


def respond(api: Api) -> flask.Response:
    return flask.Response(_as_json(api), mimetype="application/json")
