"""The OpenAPI document covers all routes, and its page displays it without other servers."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flask
import flask.testing
import jsonschema
import psycopg
import pytest

from admin_api.openapi import docs, document
from admin_api.schemas.problem_kinds import KINDS
from support import needs, webhooks
from support.admin_api import TOKEN, Gunicorn, openapi_document, start_gunicorn
from support.erasure import KEY

Client = flask.testing.FlaskClient
OPTIONAL: set[str] = set()
STATIC = Path(docs.__file__).parent / "static"


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in ("get", "post", "put", "patch", "delete")
    }


def answers(operation: dict[str, Any]) -> set[int]:
    return {int(status) for status in operation["responses"] if status.isdigit()}


def documented_path(rule: str) -> str:
    return re.sub(r"<(?:[a-z]+:)?([a-z_]+)>", r"{\1}", rule)


def test_the_document_covers_every_route(offline: Client) -> None:
    document = openapi_document(offline.application)
    assert document["openapi"].startswith("3.1")
    routed = {
        f"{method} {documented_path(str(rule))}"
        for rule in offline.application.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not str(rule).startswith(("/docs", "/ui"))
        and str(rule) not in ("/", "/api/openapi.json")
    }
    assert set(operations(document)) == routed


def test_every_operation_says_what_it_does_and_how_it_fails(offline: Client) -> None:
    for name, operation in operations(openapi_document(offline.application)).items():
        assert operation["summary"], name
        assert operation["x-codeSamples"][0]["source"].startswith("curl "), name
        if operation.get("security") == []:
            assert name in ("GET /healthz", "GET /readyz")
        else:
            assert {"400", "401", "413", "500", "503"} <= set(operation["responses"]), name


def test_every_schema_is_a_schema(offline: Client) -> None:
    document = openapi_document(offline.application)
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_problem_code_is_described(offline: Client) -> None:
    described = {
        one["code"]: one["status"] for one in openapi_document(offline.application)["x-problems"]
    }
    assert described == {code: kind.status for code, kind in KINDS.items()}


def test_the_document_is_the_same_beside_the_page_and_behind_the_token(offline: Client) -> None:
    stranger = offline.application.test_client()
    assert stranger.get("/api/openapi.json").status_code == 401
    assert offline.get("/api/openapi.json").json == stranger.get("/docs/openapi.json").json


def test_the_document_is_the_same_when_it_is_built_again(offline: Client) -> None:
    """Two threads of a new process may build it at once."""
    first = offline.get("/docs/openapi.json").json
    document._as_json.cache_clear()
    assert offline.get("/docs/openapi.json").json == first


def test_the_page_needs_nothing_from_elsewhere(offline: Client) -> None:
    stranger = offline.application.test_client()
    assert stranger.get("/").headers["Location"] == "/docs"
    page = stranger.get("/docs")
    assert page.mimetype == "text/html"
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    for address in addresses:
        assert address.startswith(("/docs", "#", "data:,")), address
    for address in addresses:
        if address.startswith("/docs"):
            assert offline.application.test_client().get(address).status_code == 200, address
    # The Content-Security-Policy of each response forbids inline styles and scripts.
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script>|javascript:", page.text)
    for file in STATIC.iterdir():
        content = file.read_text()
        assert not re.search(r"https?://(?!127\.0\.0\.1)", content), file
        assert "innerHTML" not in content, file


def test_the_page_s_scripts_render_the_document(tmp_path: Path, offline: Client) -> None:
    node = needs.program("node")
    (tmp_path / "document.json").write_text(json.dumps(openapi_document(offline.application)))
    harness = Path(__file__).with_name("render_docs.js")
    done = subprocess.run(
        [node, str(harness), str(STATIC), str(tmp_path / "document.json")],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for expected in (
        "/api/admin/jobs/{job_id}",
        "Enqueue a crawl",
        "curl -sS http://127.0.0.1:9999/api/admin/jobs",
        "priority",
        "From 0 to 100.",
        "From 1 to 9223372036854775807.",
        "duplicate_name",
        "schema-JobDetail",
    ):
        assert expected in done.stdout, expected


def test_the_page_does_not_round_integers() -> None:
    done = subprocess.run(
        [needs.program("node"), str(Path(__file__).with_name("check_exact_json.js")), str(STATIC)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stderr


# Inserts the objects that the examples name. Each object has the id 1.
SEED = """
    INSERT INTO job_groups (created_by, sealed_at, held) VALUES ('x', now(), 1);
    INSERT INTO group_steps (group_id, key, subreddit_id, priority, max_retries, state)
    SELECT 1, '1', id, 1, 1, 'held' FROM subreddits LIMIT 1;
    INSERT INTO operations (kind, resource_type, resource_id, created_by, total, state, finished_at)
    VALUES ('cancel_group', 'job_group', 2, 'x', 1, 'succeeded', now());
    INSERT INTO api_tokens (id, name, token_hash, scopes, created_by)
    VALUES ('0123456789ab', 'example', decode(repeat('00', 32), 'hex'), '{read}', 'test');
    INSERT INTO authors (name) VALUES ('1');
    INSERT INTO posts (id, subreddit_id, created_at) SELECT '1', id, now() FROM subreddits LIMIT 1;
    INSERT INTO webhook_endpoints (url, events, created_by) VALUES ('x', '{job.failed}', 'x');
    INSERT INTO webhook_events (type, data) VALUES ('job.failed', '{}');
    INSERT INTO webhook_deliveries (event_id, endpoint_id, state, ended_at)
    SELECT id, 1, 'failed', now() FROM webhook_events
"""
WAITING = "UPDATE crawl_jobs SET status = 'waiting', wait_reason = 'later' WHERE id = 1"
LIVE = "UPDATE crawl_jobs SET status = 'queued', finished_at = NULL WHERE id = 1"
FINISHED = "UPDATE crawl_jobs SET status = 'failed', finished_at = clock_timestamp() WHERE id = 1"
STEP_HELD = """
    UPDATE group_steps SET state = 'held' WHERE id = 1;
    UPDATE job_groups SET pending = 0, held = 1, finished_at = NULL, outcome = NULL WHERE id = 1;
"""
GROUP_DONE = """
    UPDATE job_groups SET sealed_at = now(), finished_at = now(), outcome = 'failed' WHERE id = 1
"""
ENABLED = """
    UPDATE webhook_endpoints SET state = 'enabled', disabled_reason = NULL, disabled_at = NULL
"""
DELIVERED = "UPDATE webhook_deliveries SET state = 'failed', ended_at = now()"
BEFORE = {
    "POST /api/admin/groups/{group_id}/steps/{step_key}/proceed": STEP_HELD,
    "POST /api/admin/groups/{group_id}/steps/{step_key}/skip": STEP_HELD,
    "DELETE /api/admin/groups/{group_id}": GROUP_DONE,
    "POST /api/admin/groups/{group_id}/steps": "UPDATE job_groups SET sealed_at = NULL",
    "POST /api/admin/jobs/{job_id}/retry": FINISHED,
    "POST /api/admin/jobs/{job_id}/wake": WAITING,
    "POST /api/admin/jobs/{job_id}/give_up": LIVE,
    "PUT /api/admin/jobs/bulk/status": LIVE,
    "DELETE /api/admin/jobs/{job_id}": FINISHED,
    "POST /api/admin/webhooks/{endpoint_id}/ping": ENABLED,
    "POST /api/admin/webhooks/{endpoint_id}/replay": ENABLED,
    "POST /api/admin/webhooks/deliveries/{delivery_id}/replay": DELIVERED,
}


@pytest.fixture
def ready_server(
    database_url: str, tmp_path: Path
) -> Iterator[tuple[Gunicorn, "psycopg.Connection[tuple[object, ...]]"]]:
    """Yield a server and a connection to its database, which has the objects of the examples."""
    server = start_gunicorn(tmp_path, database_url, CONTENT_KEY=KEY.decode())
    with server.client() as client, psycopg.connect(database_url, autocommit=True) as connection:
        client.post("/api/admin/jobs", json={"subreddit": "first"})
        client.post(
            "/api/admin/scheduled-jobs",
            json={"name": "first", "subreddit": "first", "cron_expression": "@daily"},
        )
        connection.execute(SEED)
        yield server, connection
    server.stop()


def test_every_documented_curl_command_works(
    offline: Client,
    ready_server: tuple[Gunicorn, "psycopg.Connection[tuple[object, ...]]"],
    tmp_path: Path,
) -> None:
    needs.program("curl")
    server, connection = ready_server
    header = tmp_path / "admin-header"
    header.write_text(f"Authorization: Bearer {TOKEN}\n")
    found = operations(openapi_document(offline.application)).items()
    for name, operation in sorted(found, key=lambda one: one[0].startswith("DELETE")):
        if name in BEFORE:
            connection.execute(BEFORE[name])
        source = operation["x-codeSamples"][0]["source"]
        command = webhooks.with_inside_host(source.replace("http://127.0.0.1:8000", server.url))
        done = subprocess.run(
            ["sh", "-ec", command.replace("curl ", "curl --fail-with-body --max-time 60 ", 1)],
            env={"PATH": os.environ["PATH"], "ADMIN_API_HEADER": str(header)},
            capture_output=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, f"{name}: {done.stdout!r} {done.stderr!r}"
        if name.endswith("/export"):
            assert done.stdout.startswith(b"id,at,actor,")
        elif "/api/export/" in name:
            assert all(json.loads(line) for line in done.stdout.splitlines())
        else:
            assert json.loads(done.stdout) if 204 not in answers(operation) else not done.stdout


def schemas_of_answers(document: dict[str, Any]) -> set[str]:
    """Return the names of all schemas in responses, nested schemas included."""
    schemas = document["components"]["schemas"]
    references = re.compile(r'"#/components/schemas/([^"]+)"')
    bodies = [operation["responses"] for operation in operations(document).values()]
    found: set[str] = set()
    left = set(references.findall(json.dumps([bodies, document["components"]["responses"]])))
    while left:
        found |= left
        nested = json.dumps([schemas[name] for name in left])
        left = set(references.findall(nested)) - found
    return found


def test_every_field_of_an_answer_is_always_there(offline: Client) -> None:
    """Code that is generated from the document never has to check whether a field exists."""
    document = openapi_document(offline.application)
    optional = {
        f"{name}.{field}"
        for name in schemas_of_answers(document)
        for schema in [document["components"]["schemas"][name]]
        for field in set(schema.get("properties", {})) - set(schema.get("required", []))
    }
    assert optional == OPTIONAL


def test_every_part_of_a_path_is_described_by_what_the_route_takes(offline: Client) -> None:
    document = openapi_document(offline.application)
    described = {
        (parameter["name"], parameter["schema"]["type"]): parameter["schema"]
        for item in document["paths"].values()
        for parameter in item.get("parameters", [])
        if parameter["in"] == "path"
    }
    assert len(described) >= 3
    for (name, kind), schema in described.items():
        if kind == "integer":
            assert (schema["format"], schema["minimum"]) == ("int64", 1), name
        else:
            assert re.fullmatch(r"\^.+\$", schema["pattern"]), name
