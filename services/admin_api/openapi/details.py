"""Changes the finished OpenAPI document: adds details that flask-smorest does not know."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from admin_api.http import idempotency


def forbid_null_in_queries(paths: dict[str, Any]) -> None:
    """Remove null from the types of query parameters, because a query string cannot contain null.

    If an absent parameter has the default None, marshmallow also allows null for the parameter.
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


def drop_null_defaults(value: Any) -> None:
    """Remove each `default: null` from the document.

    The schemas of request bodies have fields that are None if a request lacks them, and
    flask-smorest documents None as their default. Most of these fields do not accept null. So a
    validator of OpenAPI documents refuses the default.
    """
    if isinstance(value, dict):
        if "default" in value and value["default"] is None:
            del value["default"]
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            drop_null_defaults(inner)


def describe_schemas(schemas: dict[str, Any], named: Mapping[Any, str]) -> None:
    """Add a description to each schema: the docstring of its class.

    `named` maps apispec's key of each schema to the schema's name. The first item of a key is the
    class.
    """
    for key, name in named.items():
        docstring = vars(key[0]).get("__doc__")
        if docstring and name in schemas:
            schemas[name].setdefault("description", inspect.cleandoc(docstring))
