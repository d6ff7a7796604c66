"""Adds a curl command to every operation of an OpenAPI document."""

from __future__ import annotations

import json
import shlex
from typing import Any

# The address of the server in the commands. The page at /docs replaces it by the page's address.
SERVER = "http://127.0.0.1:8000"

# curl reads the token from a file with the line `Authorization: Bearer TOKEN`. In the command line,
# all users of the machine could see the token.
HEADER_FILE = "$ADMIN_API_HEADER"
_PATH_EXAMPLES = {"token_id": "0123456789ab"}
METHODS = ("get", "post", "put", "patch", "delete")


def add_examples(document: dict[str, Any]) -> None:
    """Add a curl command to each operation as `x-codeSamples`, which documentation tools show."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                parameters = [*item.get("parameters", []), *item[method].get("parameters", [])]
                command = _command(path, method, item[method], parameters)
                item[method]["x-codeSamples"] = [{"lang": "Shell", "source": command}]


def _command(
    path: str, method: str, operation: dict[str, Any], parameters: list[dict[str, Any]]
) -> str:
    for parameter in parameters:
        if parameter.get("in") == "path":
            example = _PATH_EXAMPLES.get(parameter["name"], "1")
            path = path.replace(f"{{{parameter['name']}}}", example)
    parts = [f"curl -sS {SERVER}{path}"]
    if method not in ("get", "post") or (method == "post" and "requestBody" not in operation):
        parts[0] = f"curl -sS -X {method.upper()} {SERVER}{path}"
    if operation.get("security") != []:
        parts.append(f'-H "@{HEADER_FILE}"')
    parts += [
        "-H " + shlex.quote(f"{parameter['name']}: {parameter['example']}")
        for parameter in parameters
        if parameter.get("in") == "header" and parameter.get("required")
    ]
    body = _example_body(operation)
    if body is not None:
        parts.append("-H 'Content-Type: application/json'")
        parts.append(f"-d {shlex.quote(json.dumps(body))}")
    return " \\\n  ".join(parts)


def _example_body(operation: dict[str, Any]) -> Any:
    for content in operation.get("requestBody", {}).get("content", {}).values():
        for example in content.get("examples", {}).values():
            return example["value"]
    return None
