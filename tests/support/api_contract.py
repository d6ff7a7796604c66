"""The contract of the API: the OpenAPI document without prose, as one line for each value."""

import difflib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[1] / "services" / "admin_api" / "openapi" / "contract.txt"
METHODS = ("get", "post", "put", "patch", "delete")
_PROSE = {"description", "summary", "title", "example", "examples", "x-codeSamples"}
_HEAD = """\
# What programs rely on: the OpenAPI document without its prose. A test holds it to the code.
# After a deliberate change:
# ./run test tests/services/admin_api/openapi/test_contract.py --write-contract
"""


def as_text(document: dict[str, Any]) -> str:
    """Return sorted lines: first for the whole document, then for each operation and schema."""
    return _HEAD + "".join(f"{line}\n" for line in _lines(document))


def difference(document: dict[str, Any]) -> str:
    """Return how the document differs from the contract, with advice, or "" if it is the same."""
    kept, now = FILE.read_text(), as_text(document)
    if kept == now:
        return ""
    changes = difflib.unified_diff(kept.splitlines(), now.splitlines(), "contract", "code", n=0)
    return "\n".join(
        [
            "The API differs from its contract. After a deliberate change:",
            "./run test tests/services/admin_api/openapi/test_contract.py --write-contract",
            *changes,
        ]
    )


def _lines(document: dict[str, Any]) -> Iterator[str]:
    components = document["components"]
    for name in sorted(document.keys() - {"components", "info", "paths", "tags", "x-problems"}):
        yield f"{name}: {_shape(document[name])}"
    for problem in sorted(document["x-problems"], key=lambda one: one["code"]):
        yield f"problem {problem['code']}: {problem['status']}"
    for path, item in sorted(document["paths"].items()):
        for method in METHODS:
            if method in item:
                yield from _operation(f"{method.upper()} {path}", item, item[method])
    for name, scheme in sorted(components["securitySchemes"].items()):
        yield f"security {name}: {_shape(scheme)}"
    for name, response in sorted(components["responses"].items()):
        yield f"answer {name}: {_shape(response)}"
    for name, schema in sorted(components["schemas"].items()):
        yield from _schema(name, schema)


def _operation(name: str, item: dict[str, Any], operation: dict[str, Any]) -> Iterator[str]:
    parameters = [*item.get("parameters", []), *operation.get("parameters", [])]
    yield f"{name} id: {operation['operationId']}"
    yield f"{name} security: {_shape(operation.get('security', 'as the document has it'))}"
    yield f"{name} problems: {' '.join(operation['x-problem-codes'])}"
    for one in sorted(parameters, key=lambda one: (one["in"], one["name"])):
        rest = {key: value for key, value in one.items() if key not in ("in", "name")}
        yield f"{name} {one['in']} {one['name']}: {_shape(rest)}"
    if "requestBody" in operation:
        yield f"{name} body: {_shape(operation['requestBody'])}"
    for status, response in sorted(operation["responses"].items()):
        yield f"{name} {status}: {_shape(response)}"


def _schema(name: str, schema: dict[str, Any]) -> Iterator[str]:
    required = set(schema.get("required", []))
    rest = {key: value for key, value in schema.items() if key not in ("properties", "required")}
    yield f"schema {name}: {_shape(rest)}"
    for field, value in sorted(schema.get("properties", {}).items()):
        need = "required" if field in required else "optional"
        yield f"schema {name}.{field}: {need} {_shape(value)}"


def _shape(value: Any) -> str:
    return json.dumps(_without_prose(value), sort_keys=True)


def _without_prose(value: Any, *, names: bool = False) -> Any:
    """Return the value without descriptions, summaries, titles and examples.

    With `names`, the keys are field names. A field name is kept, even if it is `description`.
    """
    if isinstance(value, dict):
        return {
            key: _without_prose(inner, names=key == "properties" and not names)
            for key, inner in value.items()
            if names or key not in _PROSE
        }
    return [_without_prose(one) for one in value] if isinstance(value, list) else value
