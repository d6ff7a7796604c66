"""Changes the finished OpenAPI document: adds details that flask-smorest does not know."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from admin_api.http import idempotency
from admin_api.http.blueprint import POST_PROBLEMS
from admin_api.schemas.problem_kinds import KINDS


def forbid_null_in_queries(paths: dict[str, Any]) -> None:
    """Remove null from the types of query parameters, because a query string cannot contain null.

    marshmallow generates a type that allows null if the default of an absent parameter is None.
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


def describe_idempotency(paths: dict[str, Any]) -> None:
    for item in paths.values():
        if "post" in item:
            item["post"].setdefault("parameters", []).append(idempotency.PARAMETER)
            for status in POST_PROBLEMS:
                reference = f"#/components/responses/{HTTPStatus(status).name}"
                item["post"]["responses"].setdefault(str(status), {"$ref": reference})


# JSON Schema for rules about several fields, which marshmallow checks in validates_schema methods.
# flask-smorest does not document these methods. _CHOICES maps the name of a schema to its rule.
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


def describe_choices(schemas: dict[str, Any]) -> None:
    for name, choice in _CHOICES.items():
        schemas[name].update(choice)


def describe_problems(responses: dict[str, Any]) -> None:
    """Describe each problem response by the titles of its problems."""
    for name, response in responses.items():
        status = HTTPStatus.__members__.get(name)
        titles = [
            f"{kind.title} (`{code}`)." for code, kind in KINDS.items() if kind.status == status
        ]
        response["description"] = " ".join(titles) or response["description"]
