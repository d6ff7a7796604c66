"""The API accepts each request value at its documented bounds, and refuses it beyond them.

There is no database. A request that passes the checks gets 503 or another later problem.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import flask.testing

from support import body_fields
from support.admin_api import openapi_document

Client = flask.testing.FlaskClient
METHODS = ("get", "post", "put", "patch", "delete")
# Values of path parameters. Each stored object has the id 1.
PATH = {
    "job_id": "1",
    "schedule_id": "1",
    "group_id": "1",
    "step_key": "k",
    "subreddit": "python",
    "token_id": "0" * 12,
    "endpoint_id": "1",
    "delivery_id": "1",
    "post_id": "abc",
    "author": "someone",
}
# A body that names a parameter must not name the other ones in its tuple.
BESIDE = {"subreddit_id": ("subreddit",), "steps": ("subreddit",)}
# A text of the allowed length is not always a valid value of these parameters.
OWN_GRAMMAR = {"cursor", "cron_expression", "timezone", "url"}
ABSENT = object()
# The format of a value is checked separately from its bounds.
TEXTS = {"date-time": "2031-05-17T09:30:00Z"}


@dataclass(frozen=True)
class Place:
    """The place of a value in requests: an operation, body or query, and the name of the value."""

    method: str
    path: str
    where: str  # the value is "body" or "query"
    name: str
    schema: dict[str, Any]
    required: bool
    example: Any  # a complete valid body

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path} {self.where} {self.name}"


def places(document: dict[str, Any]) -> Iterator[Place]:
    for path, item in document["paths"].items():
        for method in METHODS:
            operation = item.get(method, {})
            for one in operation.get("parameters", []):
                if one["in"] == "query":
                    schema = body_fields.inlined(document, one["schema"])
                    yield Place(method, path, "query", one["name"], schema, one["required"], None)
            for content in operation.get("requestBody", {}).get("content", {}).values():
                schema = content["schema"]
                needed = body_fields.required_in(document, schema)
                (example, *_) = (one["value"] for one in content["examples"].values())
                for field, about in body_fields.fields_of(document, schema).items():
                    yield Place(method, path, "body", field, about, field in needed, example)


def wrong_values(place: Place) -> Iterator[Any]:
    """Yield values just outside the documented bounds."""
    schema = place.schema
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "minimum" in schema:
        yield schema["minimum"] - 1
    if "maximum" in schema:
        yield schema["maximum"] + 1
    if "maxLength" in schema:
        yield "x" * (schema["maxLength"] + 1)
    if schema.get("minLength"):
        yield ""
    if "maxItems" in schema:
        yield [sample(schema["items"])] * (schema["maxItems"] + 1)
    if schema.get("minItems") and place.where == "body":
        yield []
    if "enum" in schema:
        yield "nothing like it"
    if place.where == "body":
        if kinds and "null" not in kinds:
            yield None
        if kinds and "string" not in kinds:
            yield "1"
        if kinds and "boolean" not in kinds:
            yield True
        if kinds and not {"integer", "number"} & set(kinds):
            yield 1
        if "integer" in kinds:
            yield 1.5
    elif "integer" in kinds:
        yield "one"
    elif "boolean" in kinds:
        yield "yes"
    if place.required and place.where == "body":
        yield ABSENT


def right_values(place: Place) -> Iterator[Any]:
    """Yield values at the documented bounds."""
    schema = place.schema
    for bound in ("minimum", "maximum"):
        if bound in schema:
            yield schema[bound]
            if place.where == "body" and abs(schema[bound]) < 2**50:
                yield float(schema[bound])
    if "maxItems" in schema:
        yield [sample(schema["items"])] * schema["maxItems"]
    if schema.get("minItems"):
        yield [sample(schema["items"])] * schema["minItems"]
    if "maxLength" in schema and "pattern" not in schema and place.name not in OWN_GRAMMAR:
        yield "x" * schema["maxLength"]
    yield from (one for one in schema.get("enum", []) if one is not None)
    if place.where == "body" and "null" in schema.get("type", []):
        yield None
    if schema.get("type") == "boolean":
        yield from (True, False) if place.where == "body" else ("true", "false")
    if "date-time" in schema.get("format", ""):
        yield TEXTS["date-time"]


def sample(schema: dict[str, Any]) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    if "properties" in schema:
        return {name: sample(schema["properties"][name]) for name in schema["required"]}
    return 1 if schema.get("type") == "integer" else "python"


def at_fault(client: Client, place: Place, value: Any) -> bool:
    """Return whether the response names this value as a mistake."""
    path = place.path.format(**PATH)
    if place.where == "query":
        answer = client.open(path, method=place.method, query_string={place.name: value})
    else:
        body = copy.deepcopy(place.example)
        for other in (place.name, *BESIDE.get(place.name, ())):
            body.pop(other, None)
        if value is not ABSENT:
            body[place.name] = value
        answer = client.open(path, method=place.method, json=body, headers={"If-Match": "*"})
    named = (answer.get_json(silent=True) or {}).get("errors", [])
    pointer = f"/{place.name}"
    is_named = any(
        one["pointer"] == pointer or one["pointer"].startswith(f"{pointer}/") for one in named
    )
    assert not is_named or answer.status_code == 422, answer.text
    return is_named


def test_every_value_is_taken_at_its_bounds_and_refused_beyond(offline: Client) -> None:
    found = list(places(openapi_document(offline.application)))
    assert len({place.name for place in found}) > 40
    taken = [
        f"{place} takes {wrong!r}"[:120]
        for place in found
        for wrong in wrong_values(place)
        if not at_fault(offline, place, wrong)
    ]
    refused = [
        f"{place} refuses {right!r}"[:120]
        for place in found
        for right in right_values(place)
        if at_fault(offline, place, right)
    ]
    assert not taken + refused, "\n".join(taken + refused)
