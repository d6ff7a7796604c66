"""A response with a problem hides the cause of the error. The log has the cause."""

import flask.testing
import pytest
import structlog

from admin_api.http import access_log, problems
from admin_api.schemas.problem_kinds import KINDS
from crawljobs.errors import DatabaseUnavailable, UnknownSchema

Client = flask.testing.FlaskClient
JOBS = "/api/admin/jobs"
LONG = "/nothing/" + "x" * 600


def test_a_problem_names_the_path_it_is_about_up_to_500_characters(offline: Client) -> None:
    problem = offline.get(LONG).get_json()
    assert problem["instance"] == LONG[: problems.INSTANCE_MAX_CHARACTERS]
    assert len(problem["instance"]) == 500
    assert (problem["type"], problem["code"], problem["status"]) == (
        "/docs#not_found",
        "not_found",
        404,
    )
    assert problem["title"] == KINDS["not_found"].title


def test_a_method_that_a_path_does_not_take_is_answered_with_those_it_does(
    offline: Client,
) -> None:
    answer = offline.delete(JOBS)
    assert answer.status_code == 405
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))
    assert answer.mimetype == "application/problem+json"


@pytest.mark.parametrize(
    ("error", "code"),
    [(DatabaseUnavailable("db.internal is down"), "database_unavailable"),
     (UnknownSchema("at revision 1"), "unknown_schema")],
)  # fmt: skip
def test_a_database_that_cannot_serve_is_503_and_its_cause_is_in_the_log_alone(
    client: Client, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("admin_api.resources.job_pages.job_list.list_jobs", fail)
    with structlog.testing.capture_logs() as logged:
        answer = client.get(JOBS, headers={"X-Request-Id": "r-1"})
    assert (answer.status_code, answer.get_json()["code"]) == (503, code)
    assert answer.headers["Retry-After"] == str(problems.RETRY_AFTER_SECONDS)
    assert str(error) not in answer.text
    (line,) = (line for line in logged if line["event"] == "database.unavailable")
    assert (line["error"], line["request_id"], line["log_level"]) == (str(error), "r-1", "warning")


def test_a_mistake_of_ours_is_500_and_logged_with_its_request(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("admin_api.resources.job_pages.job_list.list_jobs", fail)
    with structlog.testing.capture_logs() as logged:
        answer = client.get(JOBS, headers={"X-Request-Id": "r-1"})
    assert (answer.status_code, answer.get_json()["code"]) == (500, "internal_error")
    assert "secret" not in answer.text
    (line,) = (line for line in logged if line["event"] == "http.request_failed")
    assert line["log_level"] == "error"
    assert (line["method"], line["path"], line["request_id"]) == ("GET", JOBS, "r-1")
    assert isinstance(line["exc_info"], ZeroDivisionError)


def test_each_request_is_one_line_of_the_log_without_its_query(client: Client) -> None:
    with structlog.testing.capture_logs() as logged:
        client.get(f"{LONG}?token=secret", headers={"X-Request-Id": "r-1"})
    (line,) = (line for line in logged if line["event"] == "http.request")
    assert line["path"] == LONG[: access_log.PATH_MAX_CHARACTERS]
    assert len(line["path"]) == 200
    assert (line["method"], line["status"], line["actor"], line["request_id"]) == (
        "GET",
        404,
        "bootstrap",
        "r-1",
    )
    assert 0 <= line["milliseconds"] < 60_000


def test_a_probe_is_no_line_of_the_log(client: Client) -> None:
    with structlog.testing.capture_logs() as logged:
        client.get("/healthz")
    assert [line for line in logged if line["event"] == "http.request"] == []
