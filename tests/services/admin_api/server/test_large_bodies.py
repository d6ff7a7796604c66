"""The server receives bodies of 4 MiB, but only for the routes that take steps."""

import json
from collections.abc import Iterator

import pytest

from admin_api.http.request.request_body import LARGE
from support.admin_api import Gunicorn

GROUPS, JOBS = "/api/admin/groups", "/api/admin/jobs"
SCHEDULES = "/api/admin/scheduled-jobs"
STEPS = json.dumps({"steps": [{"subreddit": "python"}], "sealed": False}).encode()


def pieces(body: bytes) -> Iterator[bytes]:
    """Yield the body in pieces, so that it is sent in chunks."""
    for begin in range(0, len(body), 65_536):
        yield body[begin : begin + 65_536]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_steps_has_four_mebibytes(server: Gunicorn, chunked: bool) -> None:
    def send(path: str, size: int, begin: bytes = STEPS, method: str = "POST") -> int:
        body = begin.ljust(size)
        content = pieces(body) if chunked else body
        headers = {"Content-Type": "application/json", "If-Match": "*"}
        with server.client() as client:
            return client.request(method, path, content=content, headers=headers).status_code

    assert send(GROUPS, LARGE.bytes) == 201
    assert send(f"{GROUPS}?", LARGE.bytes) == 201
    assert send(GROUPS, LARGE.bytes + 1) == 413
    assert send(GROUPS, 2 * LARGE.bytes) == 413
    with server.client() as client:
        group = client.post(GROUPS, json={}).json()["id"]
    more = json.dumps({"steps": [{"subreddit": "golang"}]}).encode()
    assert send(f"{GROUPS}/{group}/steps", LARGE.bytes, more) == 200
    assert send(JOBS, LARGE.bytes) == 413
    nightly = {
        "name": f"map {chunked}",
        "cron_expression": "@daily",
        "steps": [{"subreddit": "vim"}],
    }
    schedule = json.dumps(nightly).encode()
    assert send(SCHEDULES, LARGE.bytes, schedule) == 201
    with server.client() as client:
        path = f"{SCHEDULES}/{client.get(SCHEDULES).json()['items'][-1]['id']}"
    assert send(path, LARGE.bytes, schedule, "PUT") == 200
    assert send(path, LARGE.bytes, schedule, "PATCH") == 200
    assert send(path, LARGE.bytes + 1, schedule, "PATCH") == 413
    assert send(f"{SCHEDULES}/preview", LARGE.bytes, schedule) == 413
