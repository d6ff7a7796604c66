"""Bad values in bodies, paths and queries of each request on groups: a 4xx, and no change."""

from collections.abc import Iterator
from typing import Any

from crawljobs.db.database import Database
from support import group_calls
from support.admin_api import openapi_document
from support.group_calls import Client, created, end, resolve, shown, step

PREFIXES = ("/api/admin/groups", "/api/admin/operations")
METHODS = ("get", "post", "put", "patch", "delete")
DEEP = b"[" * 100_000 + b"]" * 100_000
# VALUE is in place of one valid value of a body.
BAD_VALUES = {
    "NUL": b'"a\\u0000b"',
    "surrogate": b'"\\ud800"',
    "control": b'"\\u001b[2J"',
    "huge": b"1" + b"0" * 4_000,
    "above bigint": b"9223372036854775808",
    "infinite": b"1e999",
    "NaN": b"NaN",
    "deep": DEEP,
    "object": b'{"a": {"b": []}}',
    "long": b'"' + b"x" * 10_000 + b'"',
}
BAD_BODIES = {
    "twice": b'{"%s": 1, "%s": 1}',
    "latin": b'{"%s": "\xe9"}',
    "cut": b'{"%s": ',
    "null": b"null",
    "text": b'"%s"',
    "UTF-16": '{"%s": true}'.encode("utf-16"),
    "deep": DEEP,
}
BAD_SEGMENTS = ("%00", "a%00b", "%ED%A0%80", "-1", "9223372036854775808", "1" + "0" * 400, "..%2f1")
BAD_QUERIES = ("%00", "%ED%A0%80", "-1", "9223372036854775808", "1" + "0" * 4_000, "x" * 5_000)


def operations(client: Client) -> Iterator[tuple[str, str, dict[str, Any]]]:
    document = openapi_document(client.application)
    for path, item in document["paths"].items():
        if path.startswith(PREFIXES):
            yield from ((method, path, item[method]) for method in METHODS if method in item)


def bodies(operation: dict[str, Any]) -> Iterator[bytes]:
    """Yield invalid bodies: a field with a bad value, and texts that are no valid JSON object."""
    for content in operation.get("requestBody", {}).get("content", {}).values():
        example = next(iter(content["examples"].values()))["value"]
        for name in example:
            for bad in BAD_VALUES.values():
                yield b'{"%s": %s}' % (name.encode(), bad)
            for bad in BAD_BODIES.values():
                yield bad.replace(b"%s", name.encode())
    if "requestBody" in operation:
        step_with = b'{"steps": [{"subreddit": "python", "%s": %s}]}'
        for name in (b"key", b"after", b"visible_at", b"priority"):
            yield from (step_with % (name, bad) for bad in BAD_VALUES.values())


def test_no_bad_value_has_an_effect(client: Client, database: Database) -> None:
    made = created(client, step("a"), step("b", "a", on_upstream_failure="hold"), sealed=False)
    resolve(database)
    end(database, group_calls.steps(client, made["id"])["a"]["job_id"], how="failed")
    before = (shown(client, made["id"]), group_calls.steps(client, made["id"]))
    sent = 0

    def refused(method: str, path: str, **more: Any) -> None:
        nonlocal sent
        answer = client.open(path, method=method, **more)
        assert 400 <= answer.status_code < 500, (method, path, more, answer.status_code)
        assert answer.get_json()["code"], (method, path, more)
        sent += 1

    for method, path, operation in operations(client):
        at = path.format(group_id=made["id"], step_key="b", operation_id=1)
        for body in bodies(operation):
            refused(method, at, data=body, content_type="application/json")
        for name in ("group_id", "operation_id", "step_key"):
            if f"{{{name}}}" in path:
                whole = {"group_id": made["id"], "step_key": "b", "operation_id": 1}
                for bad in BAD_SEGMENTS:
                    body = {"boost": 1} if path.endswith("boost") else {}
                    more = {} if method == "get" else {"json": body}
                    refused(method, path.format(**{**whole, name: bad}), **more)
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "query" and parameter["name"] != "name":
                for bad in BAD_QUERIES:
                    if parameter["name"] == "subreddit" and bad.isdigit() and len(bad) < 22:
                        continue  # a valid name
                    refused(method, f"{at}?{parameter['name']}={bad}")
    assert sent > 500
    assert (shown(client, made["id"]), group_calls.steps(client, made["id"])) == before
    assert len(client.get(group_calls.PATH).get_json()["items"]) == 1
