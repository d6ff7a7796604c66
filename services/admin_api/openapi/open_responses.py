"""Keeps the schemas of responses open, so that old clients read the responses of later releases.

A later release may add a field, or a value such as a new state of jobs. A client that was generated
before that release must still read the response, and keep the unknown value as text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import marshmallow as ma

from admin_api.schemas.known import Known

_NAME = "x-known-values"  # a temporary key in the document; name_values() removes it
_DESCRIPTION = "The known values. A later release may add values, so read unknown values as text."
_REFERENCE = re.compile(r'"#/components/schemas/([^"]+)"')


def attributes_of(_: Any, field: ma.fields.Field[Any], **__: Any) -> dict[str, Any]:
    """Return the attribute x-known-values for the field's schema; {} if no values are known.

    apispec calls this function for each field.
    """
    for validator in field.validators:
        if isinstance(validator, Known):
            return {_NAME: validator.name}
    return {}


def name_values(document: dict[str, Any]) -> None:
    """Replace each enum by a reference to a new named schema, which has the values of the enum.

    In responses, also allow any text that is not one of the values.
    """
    schemas = document["components"]["schemas"]
    in_responses = names_in_responses(document)
    named: dict[str, Any] = {}
    for owner, owned in [*schemas.items(), ("", document["paths"])]:
        for schema in _with_known_values(owned):
            name, kinds = schema.pop(_NAME), schema.pop("type")
            values = [value for value in schema.pop("enum") if value is not None]
            named[name] = {"type": "string", "enum": values, "description": _DESCRIPTION}
            choices: list[dict[str, Any]] = [{"$ref": f"#/components/schemas/{name}"}]
            if owner in in_responses:
                choices.append({"type": "string"})
            if "null" in kinds:
                choices.append({"type": "null"})
            schema["allOf" if len(choices) == 1 else "anyOf"] = choices
    if twice := named.keys() & schemas.keys():
        raise ValueError(f"two schemas have the same name: {sorted(twice)}")
    schemas.update(sorted(named.items()))


def _with_known_values(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if _NAME in value:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _with_known_values(inner)


def open_objects(document: dict[str, Any]) -> None:
    """Allow additional fields in the objects of responses. Bodies of requests stay strict."""
    for name in names_in_responses(document):
        document["components"]["schemas"][name].pop("additionalProperties", None)


def names_in_responses(document: dict[str, Any]) -> set[str]:
    """Return the names of all schemas that responses contain, nested schemas included."""
    components = document["components"]
    operations = [
        operation
        for item in document["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict)
    ]
    responses = [operation["responses"] for operation in operations]
    found: set[str] = set()
    left = set(_REFERENCE.findall(json.dumps([responses, components.get("responses", {})])))
    while left:
        found |= left
        nested = json.dumps([components["schemas"][name] for name in left])
        left = set(_REFERENCE.findall(nested)) - found
    return found
