"""The admin-api for tests: a client that checks each response, and a real gunicorn."""

import contextlib
import itertools
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flask
import flask.testing
import httpx
import jsonschema
import psutil
import werkzeug.test

from admin_api import app as application
from admin_api.http import state
from onebox import die_with_parent
from support import commands, webhooks
from support.closed_document import closed
from support.plain_http import NO_CERTIFICATES
from support.waiting import wait_until

# A random-looking token, because the settings refuse placeholders.
TOKEN = "k3J9xQ2mZ8vB5nW1rT7yU4pL6sD0fGhA"
ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60  # on an overloaded machine
STOP_SECONDS = 10
WORKERS = 2  # gunicorn's worker processes, unless a test sets another number
PROBLEM = "application/problem+json"
_idle: list[flask.Flask] = []


class CheckedClient(flask.testing.FlaskClient):
    """Checks every response against the OpenAPI document."""

    def open(self, *args: Any, **options: Any) -> werkzeug.test.TestResponse:
        response = super().open(*args, **{"buffered": True, **options})
        check_against_document(self.application, response)
        return response


def example_path(rule: object) -> str:
    """Return a path that this URL rule matches."""
    path = re.sub(r"<id:\w+>", "1", str(rule))
    path = path.replace("<subreddit:subreddit>", "python").replace("<token:token_id>", "0" * 12)
    path = path.replace("<key:step_key>", "k").replace("<post:post_id>", "p1")
    path = path.replace("<author:author>", "ada").replace("<path:path>", "jobs")
    path = path.replace("<version>/<path:name>", "0/app.js")
    assert "<" not in path, f"give {rule} an example"
    return path


def openapi_document(app: flask.Flask) -> dict[str, Any]:
    if "openapi_document" not in app.extensions:
        answer = flask.testing.FlaskClient(app, app.response_class).get("/docs/openapi.json")
        app.extensions["openapi_document"] = answer.json
    document: dict[str, Any] = app.extensions["openapi_document"]
    return document


def _closed_document(app: flask.Flask) -> dict[str, Any]:
    if "closed_document" not in app.extensions:
        app.extensions["closed_document"] = closed(openapi_document(app))
    document: dict[str, Any] = app.extensions["closed_document"]
    return document


def check_against_document(app: flask.Flask, response: werkzeug.test.TestResponse) -> None:
    if response.status_code >= 400:
        assert response.mimetype == PROBLEM, response.text
    request = response.request
    adapter = app.url_map.bind("localhost")
    if not adapter.test(request.path, request.method) or request.method in ("HEAD", "OPTIONS"):
        return
    rule, _ = adapter.match(request.path, request.method, return_rule=True)
    document = _closed_document(app)
    path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(rule))
    operation = document["paths"].get(path, {}).get(request.method.lower())
    if operation is None:
        return
    answer = operation["responses"].get(str(response.status_code))
    assert answer, f"{request.method} {path} does not document {response.status_code}"
    if "$ref" in answer:
        answer = document["components"]["responses"][answer["$ref"].rsplit("/", 1)[1]]
    if response.status_code >= 400:
        # This operation documents this code. Other operations may document other codes.
        assert response.json["code"] in operation["x-problem-codes"], (path, response.text)
    for header in answer.get("headers", {}):
        if header != "Link":  # the last page of a list has no Link header
            assert header in response.headers
    if response.status_code in (204, 304):
        assert "content" not in answer
        assert response.data == b""
        return
    schema = answer["content"][response.mimetype]["schema"]
    jsonschema.Draft202012Validator({**schema, "components": document["components"]}).validate(
        response.json if response.is_json else response.text
    )


@contextlib.contextmanager
def opened(database_url: str, **variables: str) -> Iterator[flask.Flask]:
    """Yield the application in this process, with a client that checks responses.

    Later calls use the same application again, because its creation takes longer than most tests.
    Each call has its own state of the application.
    """
    given = {"ADMIN_API_TOKEN": TOKEN, "DATABASE_URL": database_url}
    chosen = {**given, **webhooks.SETTINGS, **variables}
    if _idle:
        own = application.read_state(chosen)
        app = _idle.pop()
        state.install(app, own)
    else:
        app = application.create_app(chosen)
    app.test_client_class = CheckedClient
    # An hour passes at each look at this clock, so each request computes its own answer.
    state.of(app).shared.clock = itertools.count(step=3_600).__next__
    try:
        yield app
    finally:
        state.of(app).close()
        _idle.append(app)


def with_token(app: flask.Flask, token: str = TOKEN) -> flask.testing.FlaskClient:
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client


@dataclass
class Gunicorn:
    process: "subprocess.Popen[bytes]"
    log: Path
    url: str

    def log_text(self) -> str:
        return self.log.read_text()

    def log_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log_text().splitlines()]

    def client(self, **options: Any) -> httpx.Client:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        given = {"verify": NO_CERTIFICATES, "timeout": 10, **options}
        return httpx.Client(base_url=self.url, headers=headers, **given)

    def worker_pids(self) -> set[int]:
        return {one.pid for one in psutil.Process(self.process.pid).children(recursive=True)}

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(STOP_SECONDS)
            raise


def gunicorn_command() -> list[str]:
    return commands.command("crawljobs-admin-api")


def gunicorn_environment(database_url: str, **variables: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": commands.import_path("shared", "services"),
        "ADMIN_API_TOKEN": TOKEN,
        "ADMIN_API_BIND": "127.0.0.1:0",
        "DATABASE_URL": database_url,
        "LOG_FORMAT": "json",
        **webhooks.SETTINGS,
        **variables,
    }


def start_gunicorn(folder: Path, database_url: str, **variables: str) -> Gunicorn:
    """Start gunicorn on a free port, and wait for all workers. It ends when this process ends."""
    workers = int(variables.setdefault("ADMIN_API_WORKERS", str(WORKERS)))
    log = folder / "gunicorn.log"
    with log.open("wb") as output:
        process = die_with_parent.spawn(
            commands.OLDER_ADMIN_API if "PYTHONPATH" in variables else gunicorn_command(),
            signal=signal.SIGTERM,
            env=gunicorn_environment(database_url, **variables),
            cwd=folder,
            output=output,
        )
    server = Gunicorn(process, log, "")
    try:
        server.url = wait_until(
            lambda: _listening_address(server), timeout=START_SECONDS, describe=server.log_text
        )
        wait_until(lambda: _answers(server), timeout=START_SECONDS, describe=server.log_text)
        wait_until(
            # One worker answers before the others.
            lambda: len([pid for pid in server.worker_pids() if _is_ready(pid)]) >= workers,
            timeout=START_SECONDS,
            describe=server.log_text,
        )
    except BaseException:
        server.stop()
        raise
    return server


def _is_ready(worker: int) -> bool:
    """Return whether the worker has installed its signal handlers. The master handles no SIGABRT.

    A SIGTERM that a forked worker receives earlier is lost, and the stop waits for its time limit.
    """
    status = Path(f"/proc/{worker}/status")
    if not status.exists():
        return True
    caught = int(re.findall(r"SigCgt:\s*([0-9a-f]+)", status.read_text())[0], 16)
    return bool(caught >> (signal.SIGABRT - 1) & 1)


def _listening_address(server: Gunicorn) -> str:
    assert server.process.poll() is None, server.log_text()
    found = re.search(r"Listening at: (http://[0-9.:]+)", server.log_text())
    return found[1] if found else ""


def _answers(server: Gunicorn) -> bool:
    try:
        return (
            httpx.get(f"{server.url}/healthz", timeout=5, verify=NO_CERTIFICATES).status_code == 200
        )
    except httpx.TransportError:
        return False
