"""Create the table of endpoints for docs/reference/api.md from the OpenAPI document.

`python -m support.endpoint_table` prints the table. After a change, copy it to that page.
"""

import sys
from collections.abc import Iterator
from typing import Any

import flask

from admin_api import app as application
from admin_api.http import scopes, state
from support import body_fields
from support.admin_api import TOKEN

HEAD = ("| request | scope | parameters | responses | further errors |", "|---|---|---|---|---|")
METHODS = ("get", "post", "put", "patch", "delete")
# The page lists these statuses above the table: those of every request, and of every request with a
# body. So the table leaves them out.
OF_ALL = {"400", "401", "403", "413", "429", "500", "503", "default"}
OF_BODIES = {"408", "415", "422"}


def table() -> list[str]:
    app = application.create_app(
        {"ADMIN_API_TOKEN": TOKEN, "DATABASE_URL": "postgresql://nobody.invalid/none"}
    )
    try:
        document = app.test_client().get("/docs/openapi.json").json
        with app.test_request_context():
            return [*HEAD, *_rows(app, document)]
    finally:
        state.of(app).close()


def _rows(app: flask.Flask, document: dict[str, Any]) -> Iterator[str]:
    wanted = {
        (method.lower(), _templated(rule.rule)): scopes.scope_of(rule.endpoint)
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }
    for path, operations in document["paths"].items():
        for method in (one for one in METHODS if one in operations):
            operation = operations[method]
            scope = wanted[method, path]
            cells = (
                f"`{method.upper()} {path}`",
                "any" if scope is None else str(scope),
                _taken(document, operation),
                _answers(operation),
                " ".join(_errors(operation)),
            )
            yield f"| {' | '.join(cells)} |"


def _templated(rule: str) -> str:
    parts = rule.split("/")
    return "/".join(
        f"{{{part.strip('<>').rpartition(':')[2]}}}" if part.startswith("<") else part
        for part in parts
    )


def _taken(document: dict[str, Any], operation: dict[str, Any]) -> str:
    """Return the fields of the body and parameters of the query. Required fields are bold.

    A field of a body with variants is required if each variant requires it.
    """
    schema = (
        operation.get("requestBody", {})
        .get("content", {})
        .get("application/json", {})
        .get("schema", {})
    )
    needed = body_fields.required_in(document, schema)
    names = body_fields.fields_of(document, schema)
    fields = [f"**{name}**" if name in needed else name for name in names]
    query = [
        f"?{one['name']}" for one in operation.get("parameters", []) if one.get("in") == "query"
    ]
    return ", ".join([*fields, *query])


def _answers(operation: dict[str, Any]) -> str:
    found = []
    for status, response in sorted(operation["responses"].items()):
        if status.startswith("2"):
            content = response.get("content", {})
            names = {
                one.get("schema", {}).get("$ref", "").rpartition("/")[2] for one in content.values()
            }
            found.append(" ".join([status, *sorted(names - {""})]))
    return ", ".join(found)


def _errors(operation: dict[str, Any]) -> list[str]:
    usual = OF_ALL | OF_BODIES
    return sorted(
        status
        for status in operation["responses"]
        if not status.startswith(("2", "3")) and status not in usual
    )


if __name__ == "__main__":
    sys.stdout.write("\n".join(table()) + "\n")
