"""Each kind of error has its documented status and code, because programs depend on both."""

import flask.testing
import pytest
import structlog
from werkzeug import exceptions

from admin_api.http import problems
from admin_api.schemas.problem_kinds import KINDS
from crawljobs.errors import DatabaseUnavailable
from support import api_contract

Client = flask.testing.FlaskClient


def answered(client: Client, error: Exception) -> tuple[int, dict[str, object], dict[str, str]]:
    """Return the status, body and headers of the response if a view raises this error."""
    with client.application.test_request_context("/some/path", headers={"X-Request-Id": "mine"}):
        answer = client.application.make_response(client.application.handle_user_exception(error))
    assert answer.mimetype == "application/problem+json"
    body = answer.get_json()
    assert (body["instance"], body["request_id"]) == ("/some/path", "mine")
    assert body["status"] == answer.status_code
    return answer.status_code, body, dict(answer.headers)


@pytest.mark.parametrize("code", sorted(KINDS))
def test_a_problem_has_the_status_of_the_contract_and_its_title(offline: Client, code: str) -> None:
    fields = [problems.FieldError("/a", "is wrong"), problems.FieldError("", "is odd")]
    status, body, headers = answered(
        offline, problems.Problem(code, "Do it.", fields, {"X-One": "1"})
    )
    assert f"problem {code}: {status}" in api_contract.FILE.read_text().splitlines()
    assert (body["code"], body["detail"], body["type"]) == (code, "Do it.", f"/docs#{code}")
    assert body["title"] == KINDS[code].title
    assert body["errors"] == [
        {"pointer": "/a", "detail": "is wrong"},
        {"pointer": "", "detail": "is odd"},
    ]
    assert headers["X-One"] == "1"


@pytest.mark.parametrize(
    ("error", "status", "code", "detail"),
    [
        (exceptions.BadRequest("odd"), 400, "bad_request", "odd"),
        (exceptions.NotFound("gone"), 404, "not_found", "No resource has this path. /docs lists"),
        (exceptions.RequestEntityTooLarge("long"), 413, "body_too_large", "long"),
        (exceptions.UnsupportedMediaType("odd"), 415, "unsupported_media_type", "odd"),
        (exceptions.UnprocessableEntity("odd"), 422, "invalid_request", "odd"),
        (exceptions.InternalServerError("odd"), 500, "internal_error", "odd"),
        (exceptions.MethodNotAllowed(["GET"], "no"), 405, "method_not_allowed", "no"),
    ],
)
def test_an_error_of_the_framework_has_a_code_of_ours(
    offline: Client, error: exceptions.HTTPException, status: int, code: str, detail: str
) -> None:
    found, body, headers = answered(offline, error)
    assert (found, body["code"], body["title"]) == (status, code, KINDS[code].title)
    assert str(body["detail"]).startswith(detail)
    assert body["errors"] == []
    assert headers.get("Allow") == ("GET" if status == 405 else None)
    assert int(headers["Content-Length"]) > 100


def test_a_rare_error_of_the_framework_has_the_phrase_of_its_status(offline: Client) -> None:
    error = exceptions.TooManyRequests(retry_after=7)
    error.description = None
    status, body, headers = answered(offline, error)
    assert (status, body["code"], body["title"]) == (
        429,
        "too_many_requests",
        "Too Many Requests",
    )
    assert (body["type"], body["detail"]) == ("/docs#too_many_requests", "Too Many Requests")
    assert headers["Retry-After"] == "7"
    assert answered(offline, exceptions.ImATeapot())[1]["type"] == "about:blank"


def test_a_database_that_is_away_is_worth_another_try(offline: Client) -> None:
    with structlog.testing.capture_logs():
        status, body, headers = answered(offline, DatabaseUnavailable("down"))
    assert (status, body["code"], headers["Retry-After"]) == (503, "database_unavailable", "2")
