"""Which parameters and values of a request are refused, and how the response names them."""

import io
from typing import Any

import flask.testing
import pytest

from admin_api.http.problems import FieldError
from admin_api.http.request.field_errors import flattened, invalid, pointer_to

JOBS = "/api/admin/jobs"
Client = flask.testing.FlaskClient


def refusal(client: Client, query: str) -> tuple[int, str, list[tuple[str, str]]]:
    answer = client.get(f"{JOBS}?{query}")
    body: dict[str, Any] = answer.get_json()
    errors = [(error["pointer"], error["detail"]) for error in body["errors"]]
    return answer.status_code, body["code"], errors


@pytest.mark.parametrize(
    ("query", "pointer", "detail"),
    [
        ("subreddit=a%07b", "/subreddit", "holds a control character"),
        ("a%07b=1", "/a\x07b", "holds a control character"),
        ("status=queued&status=a%1b", "/status", "holds a control character"),
        ("status=a%1b&status=queued", "/status", "holds a control character"),
        ("limit=1&limit=1", "/limit", "given more than once"),
    ],
)
def test_a_parameter_with_a_control_character_or_twice_is_refused(
    offline: Client, query: str, pointer: str, detail: str
) -> None:
    assert refusal(offline, query) == (422, "invalid_request", [(pointer, detail)])


def test_all_faults_of_a_query_are_listed(offline: Client) -> None:
    _, _, errors = refusal(offline, "limit=1&limit=2&subreddit=%07&subreddit=a")
    assert sorted(errors) == [
        ("/limit", "given more than once"),
        ("/subreddit", "given more than once"),
        ("/subreddit", "holds a control character"),
    ]


def test_a_filter_with_many_values_is_taken(client: Client) -> None:
    assert client.get(f"{JOBS}?status=queued&status=failed").status_code == 200


def test_of_many_unknown_parameters_50_are_named(offline: Client) -> None:
    status, code, errors = refusal(offline, "&".join(f"odd{number}=1" for number in range(60)))
    assert (status, code) == (400, "unknown_parameter")
    assert len(set(errors)) == len(errors) == 50
    assert set(errors) < {(f"/odd{number}", "unknown") for number in range(60)}


def test_of_many_faults_the_first_50_are_named() -> None:
    errors = [FieldError(f"/{number}", "is odd") for number in range(60)]
    problem = invalid(errors)
    assert (problem.code, problem.fields) == ("invalid_request", errors[:50])
    assert invalid(errors[:50]).fields == errors[:50]


def test_pointers_and_messages_have_at_most_300_characters() -> None:
    assert pointer_to(["a" * 299]) == "/" + "a" * 299
    assert pointer_to(["a" * 300]) == "/" + "a" * 299
    (error,) = flattened({"a": ["x" * 301]})
    assert error == FieldError("/a", "x" * 300)


def test_nested_messages_become_a_list() -> None:
    messages = {"a": {0: {"b~c/d": ["one", "two"]}}, "_schema": ["three"], "e": "four"}
    assert list(flattened(messages)) == [
        FieldError("/a/0/b~0c~1d", "one"),
        FieldError("/a/0/b~0c~1d", "two"),
        FieldError("", "three"),
        FieldError("/e", "four"),
    ]


def test_a_body_that_may_be_absent_is_checked_when_it_is_there(offline: Client) -> None:
    """A valid request is 503, because the database of this client is down."""
    as_json, as_text = {"content_type": "application/json"}, {"content_type": "text/plain"}
    chunks: dict[str, Any] = {
        **as_json,
        "headers": {"Transfer-Encoding": "chunked"},
        "environ_overrides": {"wsgi.input_terminated": True},
    }
    for sent, status in (
        ({}, 503),
        ({"data": b"", **as_text}, 503),
        ({"data": b"{}", **as_json}, 503),
        ({"data": b"{}", **as_text}, 415),
        ({"data": b"{", **as_json}, 400),
        ({"data": b'{"odd": 1}', **as_json}, 422),
        ({"input_stream": io.BytesIO(b'{"odd": 1}'), **chunks}, 422),
    ):
        answer = offline.post("/api/admin/queue/resume", **sent)  # type: ignore[arg-type]
        assert answer.status_code == status, sent


@pytest.mark.parametrize(
    ("number", "status"),
    [("0", 404), ("1", 503), ("9223372036854775807", 503), ("9223372036854775808", 404)],
)
def test_an_id_is_a_positive_number_of_64_bits(offline: Client, number: str, status: int) -> None:
    """A path with another number does not exist. The database of this client is down."""
    assert offline.get(f"{JOBS}/{number}").status_code == status
