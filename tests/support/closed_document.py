"""The OpenAPI document with closed responses: no undocumented field, and no undocumented value.

The document leaves responses open, so that old clients read the responses of later releases. This
release may send only the documented fields and values.
"""

import copy
from typing import Any

from admin_api.openapi import open_responses

ANY_TEXT = {"type": "string"}


def closed(document: dict[str, Any]) -> dict[str, Any]:
    document = copy.deepcopy(document)
    schemas = document["components"]["schemas"]
    for name in open_responses.names_in_responses(document):
        if "properties" in schemas[name]:
            schemas[name].setdefault("additionalProperties", False)
    _close_values(schemas)
    return document


def _close_values(value: Any) -> None:
    if isinstance(value, dict):
        choices = value.get("anyOf", [])
        if ANY_TEXT in choices and "$ref" in choices[0]:
            choices.remove(ANY_TEXT)
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            _close_values(inner)
