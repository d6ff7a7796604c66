"""The fields of a body in the OpenAPI document, with named values inlined and variants merged."""

from typing import Any


def fields_of(document: dict[str, Any], body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the schemas of the fields by name. If a body has variants, it has all their fields."""
    fields: dict[str, dict[str, Any]] = {}
    for variant in _variants(document, body):
        for name, schema in variant.get("properties", {}).items():
            fields.setdefault(name, inlined(document, schema))
    return fields


def required_in(document: dict[str, Any], body: dict[str, Any]) -> set[str]:
    """Return the names of the fields that each variant of the body requires."""
    return set.intersection(
        *(set(variant.get("required", [])) for variant in _variants(document, body))
    )


def inlined(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a value with its named values (allOf, anyOf) as `type` and `enum`."""
    if "items" in schema:
        return {**schema, "items": inlined(document, schema["items"])}
    choices = [_resolved(document, one) for one in schema.get("allOf", schema.get("anyOf", []))]
    if not choices:
        return _resolved(document, schema)
    rest = {key: value for key, value in schema.items() if key not in ("allOf", "anyOf")}
    values = [value for one in choices for value in one.get("enum", [])]
    return {**rest, "type": [one["type"] for one in choices], "enum": values}


def _variants(document: dict[str, Any], body: dict[str, Any]) -> list[dict[str, Any]]:
    whole = _resolved(document, body)
    return [_resolved(document, one) for one in whole.get("oneOf", [whole])]


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = document["components"]["schemas"].get(name, schema)
    return found
