"""The OpenAPI document gives each operation its curl command."""

from typing import Any

import pytest

from admin_api.openapi import curl

HOST = "http://127.0.0.1:8000"
TOKEN = ' \\\n  -H "@$ADMIN_API_HEADER"'
PATH = {"in": "path", "name": "job_id"}
BODY = {"content": {"application/json": {"examples": {"one": {"value": {"a": "it's"}}}}}}
JSON = " \\\n  -H 'Content-Type: application/json' \\\n  -d '{\"a\": \"it'\"'\"'s\"}'"


@pytest.mark.parametrize(
    ("path", "method", "operation", "expected"),
    [
        ("/jobs", "get", {}, f"curl -sS {HOST}/jobs{TOKEN}"),
        ("/healthz", "get", {"security": []}, f"curl -sS {HOST}/healthz"),
        ("/jobs", "post", {"requestBody": BODY}, f"curl -sS {HOST}/jobs{TOKEN}{JSON}"),
        ("/jobs", "post", {}, f"curl -sS -X POST {HOST}/jobs{TOKEN}"),
        ("/jobs", "put", {"requestBody": BODY}, f"curl -sS -X PUT {HOST}/jobs{TOKEN}{JSON}"),
        ("/jobs", "delete", {}, f"curl -sS -X DELETE {HOST}/jobs{TOKEN}"),
        # The command sends no data for a body without an example.
        ("/jobs", "post", {"requestBody": {}}, f"curl -sS {HOST}/jobs{TOKEN}"),
        ("/jobs/{job_id}", "get", {"parameters": [PATH]}, f"curl -sS {HOST}/jobs/1{TOKEN}"),
        (
            "/tokens/{token_id}",
            "get",
            {"parameters": [{"in": "path", "name": "token_id"}]},
            f"curl -sS {HOST}/tokens/0123456789ab{TOKEN}",
        ),
        (
            "/jobs",
            "get",
            {
                "parameters": [
                    {"in": "header", "name": "If-Match", "required": True, "example": '"1"'},
                    {"in": "header", "name": "Idempotency-Key", "required": False, "example": "k"},
                    {"in": "query", "name": "limit", "required": True, "example": 1},
                ]
            },
            f"curl -sS {HOST}/jobs{TOKEN} \\\n  -H 'If-Match: \"1\"'",
        ),
    ],
)
def test_an_operation_has_its_command(
    path: str, method: str, operation: dict[str, Any], expected: str
) -> None:
    document = {"paths": {path: {method: operation}}}
    curl.add_examples(document)
    assert operation["x-codeSamples"] == [{"lang": "Shell", "source": expected}]


def test_parameters_of_the_path_hold_for_each_of_its_operations() -> None:
    item: dict[str, Any] = {"parameters": [PATH], "get": {}, "delete": {"parameters": []}}
    curl.add_examples({"paths": {"/jobs/{job_id}": item}})
    sources = [item[method]["x-codeSamples"][0]["source"] for method in ("get", "delete")]
    assert sources == [
        f"curl -sS {HOST}/jobs/1{TOKEN}",
        f"curl -sS -X DELETE {HOST}/jobs/1{TOKEN}",
    ]
    assert item["parameters"] == [PATH]
