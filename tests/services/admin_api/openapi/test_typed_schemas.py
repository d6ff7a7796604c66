"""Client generators can give each part of the OpenAPI document a type."""

import copy
from collections.abc import Iterator
from typing import Any

import flask.testing
import jsonschema
import pytest

from admin_api.openapi import open_responses
from support.admin_api import openapi_document
from support.closed_document import closed

Client = flask.testing.FlaskClient


@pytest.fixture
def document(offline: Client) -> dict[str, Any]:
    return openapi_document(offline.application)


def schemas_in(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each schema of the document with its path, nested schemas included."""
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        place = f"{path}/{key}"
        if key in ("schema", "items", "not"):
            yield place, inner
            yield from schemas_in(inner, place)
        elif key in ("schemas", "properties"):
            for name, schema in inner.items():
                yield f"{place}/{name}", schema
                yield from schemas_in(schema, f"{place}/{name}")
        elif key in ("oneOf", "anyOf", "allOf", "parameters"):
            for number, schema in enumerate(inner):
                if key != "parameters":
                    yield f"{place}/{number}", schema
                yield from schemas_in(schema, f"{place}/{number}")
        else:
            yield from schemas_in(inner, place)


def test_no_schema_is_a_boolean(document: dict[str, Any]) -> None:
    found = dict(schemas_in(document))
    assert len(found) > 500
    assert {path for path, schema in found.items() if not isinstance(schema, dict)} == set()


def test_schemas_of_requests_and_of_resources_are_described(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    silent = {name for name, schema in schemas.items() if "description" not in schema}
    lists = {name for name in silent if name.endswith("List")}
    assert silent - lists == {"FieldError", "Health", "JobFilter", "JobsByStatus"}


def test_each_default_is_valid(document: dict[str, Any]) -> None:
    components = {"components": document["components"]}
    for path, schema in schemas_in(document):
        if "default" in schema:
            assert schema["default"] is not None, path
            validator = jsonschema.Draft202012Validator({**schema, **components})
            assert not list(validator.iter_errors(schema["default"])), path


def test_each_integer_that_can_exceed_32_bits_is_an_int64(document: dict[str, Any]) -> None:
    wide = {
        path: schema
        for path, schema in schemas_in(document)
        if isinstance(schema.get("maximum"), int) and schema["maximum"] >= 2**31
    }
    assert any(path.endswith("job_ids/items") for path in wide)
    for path, schema in wide.items():
        assert schema.get("format") == "int64", path


def test_each_choice_is_between_named_or_plain_types(document: dict[str, Any]) -> None:
    """A oneOf beside properties, which only lists required fields, has no type in a client."""
    for path, schema in schemas_in(document):
        choices = schema.get("oneOf", []) + schema.get("anyOf", [])
        assert not (choices and "properties" in schema), path
        for choice in choices:
            assert "$ref" in choice or "type" in choice, path


BY_IDS: dict[str, Any] = {"job_ids": [1]}
BY_FILTER: dict[str, Any] = {"filter": {}, "expected_count": 0}
DRY_RUN: dict[str, Any] = {"filter": {}, "dry_run": True}
SCHEDULE: dict[str, Any] = {"name": "x", "cron_expression": "@daily"}
BODIES: list[tuple[str, dict[str, Any], bool]] = [
    *((path, {**body, **more}, True)
      for path, more in [("retry", {}), ("cancel", {}), ("wake", {"reason": "r"}),
                         ("boost", {"boost": 1})]
      for body in (BY_IDS, BY_FILTER, DRY_RUN, {**BY_FILTER, "dry_run": True},
                   {**BY_FILTER, "dry_run": False}, {**BY_IDS, "dry_run": True},
                   {**BY_IDS, "expected_count": 3})),
    *((path, {**body, **more}, False)
      for path, more in [("retry", {}), ("cancel", {"reason": " "}), ("wake", {"reason": ""}),
                         ("boost", {"boost": 1})]
      for body in ({}, {"filter": {}}, {"filter": {}, "dry_run": False}, {**BY_IDS, **BY_FILTER},
                   {**BY_IDS, **DRY_RUN}, {"expected_count": 1}, {**BY_IDS, "other": 1})),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "is_valid"), BODIES)
def test_the_variants_of_a_bulk_body_are_the_bodies_that_the_api_accepts(
    client: Client, path: str, body: dict[str, Any], is_valid: bool
) -> None:
    assert matches(client, f"/api/admin/jobs/bulk/{path}", body) is is_valid
    answer = client.post(f"/api/admin/jobs/bulk/{path}", json=body)
    assert (answer.status_code == 422) is not is_valid, answer.text


@pytest.mark.parametrize(
    ("body", "is_valid"),
    [
        ({**SCHEDULE, "subreddit": "python"}, True),
        ({**SCHEDULE, "subreddit_id": 1}, True),
        (SCHEDULE, False),
        ({**SCHEDULE, "subreddit": "python", "subreddit_id": 1}, False),
        ({**SCHEDULE, "subreddit": None}, False),
        ({**SCHEDULE, "subreddit": None, "subreddit_id": 1}, False),
    ],
)
def test_the_variants_of_a_schedule_are_the_bodies_that_the_api_accepts(
    client: Client, body: dict[str, Any], is_valid: bool
) -> None:
    assert client.post("/api/admin/jobs", json={"subreddit": "first"}).json["job"]["subreddit_id"]  # type: ignore[index]
    assert matches(client, "/api/admin/scheduled-jobs", body) is is_valid
    assert (client.post("/api/admin/scheduled-jobs", json=body).status_code == 201) is is_valid


def matches(client: Client, path: str, body: dict[str, Any]) -> bool:
    document = openapi_document(client.application)
    content = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    schema = {**content["schema"], "components": document["components"]}
    return jsonschema.Draft202012Validator(schema).is_valid(body)


def test_responses_of_a_later_release_match_the_document(client: Client) -> None:
    made = client.post("/api/admin/jobs", json={"subreddit": "python"})
    document = openapi_document(client.application)
    reference = {"$ref": "#/components/schemas/Enqueued"}
    later: dict[str, Any] = copy.deepcopy(made.get_json())
    later["job"] |= {"status": "hibernating", "a_new_field": 1}
    for components, is_valid in ((document, True), (closed(document), False)):
        schema = {**reference, "components": components["components"]}
        assert jsonschema.Draft202012Validator(schema).is_valid(later) is is_valid


def test_requests_have_no_other_fields_and_no_other_values(document: dict[str, Any]) -> None:
    in_responses = open_responses.names_in_responses(document)
    for name, schema in document["components"]["schemas"].items():
        if name not in in_responses and "properties" in schema:
            assert schema["additionalProperties"] is False, name
            for path, inner in schemas_in(schema):
                assert {"type": "string"} not in inner.get("anyOf", ()), f"{name}{path}"
