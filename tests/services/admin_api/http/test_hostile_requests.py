"""The API answers any invalid or hostile request with a problem whose status is below 500."""

import contextlib
import io
import json
import time
from typing import Any

import flask.testing
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from admin_api.http.request import json_bounds
from admin_api.http.request.json_bounds import Bounds

JOBS = "/api/admin/jobs"
JSON = {"Content-Type": "application/json"}
# The documented limits (docs/reference/api.md) of most bodies, and of bodies for many jobs.
USUAL = Bounds(bytes=64 * 1024, values=500)
MANY = Bounds(bytes=1024 * 1024, values=2_000)


def code_of(response: Any) -> tuple[int, str]:
    assert response.json["status"] == response.status_code
    return response.status_code, response.json["code"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nul",
        b"\xff\xfe",
        b'{"subreddit": "a"} x',
        b'{"subreddit": NaN}',
        b'{"priority": Infinity}',
        b'{"priority": ' + b"9" * 5000 + b"}",
        b'{"subreddit": "one", "subreddit": "two"}',
        b'{"priority": -' + b"9" * 65 + b"}",
        b'{"priority": 1e999}',
        b'{"priority": 0.' + b"1" * 5000 + b"}",
        b"[" * 30_000,
        b'{"a":' * 10_000,
        b"[" * 30_000 + b"]" * 30_000,
        b"[" * 17 + b"]" * 17,
        b'["' + b'\\"' * 1_000 + b'[[",' + b"[" * 17,
        b'"' + b'\\"' * 30_000,
    ],
)
def test_a_body_that_is_not_json_is_400(offline: flask.testing.FlaskClient, body: bytes) -> None:
    assert code_of(offline.post(JOBS, data=body, headers=JSON)) == (400, "invalid_json")


@pytest.mark.parametrize("body", ["[]", '"text"', "7", "null", "true", "{}", "[[[[[[]]]]]]"])
def test_json_of_another_shape_is_422(offline: flask.testing.FlaskClient, body: str) -> None:
    assert code_of(offline.post(JOBS, data=body, headers=JSON)) == (422, "invalid_request")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data"},
        {"Content-Type": "application/merge-patch+json"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
def test_another_content_type_is_415(
    offline: flask.testing.FlaskClient, headers: dict[str, str]
) -> None:
    response = offline.post(JOBS, data=b'{"subreddit": "python"}', headers=headers)
    assert code_of(response) == (415, "unsupported_media_type")


def test_a_missing_body_is_named(offline: flask.testing.FlaskClient) -> None:
    response: Any = offline.post(JOBS)
    assert code_of(response) == (415, "unsupported_media_type")
    assert response.json["detail"].startswith("The request has no body. Send uncompressed JSON")


def padded(body: str, size: int) -> bytes:
    """Return the same JSON document, padded with spaces to this number of bytes."""
    return body.encode() + b" " * (size - len(body))


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize(
    ("method", "path", "body", "limit"),
    [
        ("POST", JOBS, '{"subreddit": ""}', USUAL.bytes),
        ("GET", JOBS, "", USUAL.bytes),
        ("GET", f"{JOBS}/1", "", USUAL.bytes),
        ("POST", "/x", "", USUAL.bytes),
        ("POST", f"{JOBS}/bulk", '{"subreddits": []}', MANY.bytes),
        ("PUT", f"{JOBS}/bulk/status", "{}", MANY.bytes),
        ("POST", f"{JOBS}/bulk/retry", "{}", MANY.bytes),
        ("POST", f"{JOBS}/bulk/boost", "{}", MANY.bytes),
        ("POST", f"{JOBS}/bulk/cancel", "{}", MANY.bytes),
        ("POST", f"{JOBS}/bulk/wake", "{}", MANY.bytes),
    ],
)
def test_a_body_of_the_limit_is_read_and_one_of_a_byte_more_is_413(
    offline: flask.testing.FlaskClient,
    method: str,
    path: str,
    body: str,
    limit: int,
    announced: bool,
) -> None:
    def send(size: int) -> Any:
        stream: dict[str, Any] = {
            "headers": {**JSON, "Transfer-Encoding": "chunked"},
            "input_stream": io.BytesIO(padded(body, size)),
            "environ_overrides": {"wsgi.input_terminated": True},
        }
        whole: dict[str, Any] = {"headers": JSON, "data": padded(body, size)}
        return offline.open(path, method=method, **(whole if announced else stream))

    assert send(limit).status_code != 413
    # Without a Content-Length, a body is measured only while it is read.
    if announced or path != "/x":
        assert code_of(send(limit + 1)) == (413, "body_too_large")
        refused = (400, "unexpected_body") if method == "GET" else (422, "invalid_request")
        if path != "/x":
            assert code_of(send(limit)) == refused


def test_a_list_of_too_many_values_is_refused_before_it_is_built(
    offline: flask.testing.FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed = json.loads

    def of_small_texts(text: str, **options: Any) -> Any:
        assert len(text) < 2_000, "the parser was asked"
        return parsed(text, **options)

    monkeypatch.setattr(json, "loads", of_small_texts)
    many = MANY.bytes // 4
    for path, inner in (
        (f"{JOBS}/bulk/retry", b"1," * many + b"1"),
        (f"{JOBS}/bulk/retry", b"{}," * many + b"1"),
        (f"{JOBS}/bulk/retry", b"[]," * many + b"1"),
        (f"{JOBS}/bulk", b'"",' * many + b"1"),
        (f"{JOBS}/bulk", b'"\\",",' * (many // 2) + b"1"),
        (f"{JOBS}/bulk", b"[" + b"[]" * many),
        (JOBS, b"1," * USUAL.values + b"1"),
    ):
        body = b'{"job_ids":[' + inner + b"]}"
        response = offline.post(path, data=body, headers=JSON)
        assert code_of(response) == (422, "invalid_request"), inner[:20]
        (error,) = response.json["errors"]  # type: ignore[index]
        assert "values" in error["detail"]


@pytest.mark.parametrize(
    ("path", "values"), [(JOBS, USUAL.values), (f"{JOBS}/bulk/retry", MANY.values)]
)
@pytest.mark.parametrize("more", [0, 1])
def test_a_body_may_have_as_many_values_as_documented(
    offline: flask.testing.FlaskClient, path: str, values: int, more: int
) -> None:
    """The object and the list count as values too.

    Below the limit, wrong fields cause the status 422.
    """
    response = offline.post(path, json={"job_ids": [1] * (values - 2 + more)})
    assert code_of(response) == (422, "invalid_request")
    details = [error["detail"] for error in response.json["errors"]]  # type: ignore[index]
    assert any(f"more than {values:,} values" in detail for detail in details) is bool(more)


def test_commas_and_brackets_in_texts_are_no_values(offline: flask.testing.FlaskClient) -> None:
    body = {"subreddit": "python", "x" * 20_000: '[{,"\\' * 5_000}
    response = offline.post(JOBS, data=json.dumps(body), headers=JSON)
    (error,) = response.json["errors"]  # type: ignore[index]
    assert error["detail"] == "Unknown field."


def test_to_count_values_takes_time_in_proportion() -> None:
    def seconds(text: bytes) -> float:
        began = time.process_time()
        with contextlib.suppress(ValueError):
            json_bounds.check(text, 10_000_000)
        return time.process_time() - began

    for unit in (b"[],", b'"\\",', b'"', b"\\", b'{"a":', b'"\\\\"', b'["\\"'):
        small, large = (min(seconds(unit * n) for _ in range(3)) for n in (100_000, 200_000))
        assert large < 2.5 * small + 0.01, unit


def test_thousands_of_parameters_are_one_short_answer(offline: flask.testing.FlaskClient) -> None:
    for query in ("&" * 4_000, "a&" * 2_000, "status=queued&" * 280, "%00=&" * 800):
        response = offline.get(f"{JOBS}?{query}")
        assert response.status_code in (400, 422, 503)
        assert len(response.data) < 20_000


class Stalled(io.BytesIO):
    """A request body whose client stops sending: each read times out."""

    def read(self, size: int | None = -1, /) -> bytes:
        raise TimeoutError


def test_a_body_that_stops_coming_is_408(offline: flask.testing.FlaskClient) -> None:
    response = offline.post(
        JOBS,
        headers={**JSON, "Content-Length": "10"},
        environ_overrides={"wsgi.input": Stalled(), "wsgi.input_terminated": True},
    )
    assert code_of(response) == (408, "body_timeout")


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "py\udfffthon"])
@pytest.mark.parametrize("where", ["value", "key", "deep"])
def test_text_that_postgres_cannot_hold_is_422_by_its_place(
    offline: flask.testing.FlaskClient, text: str, where: str
) -> None:
    body: Any = {"subreddit": text}
    if where == "key":
        body = {text: 1}
    if where == "deep":
        body = {"subreddit": "python", "a/b": [{"c~": text}]}
    response = offline.post(JOBS, data=json.dumps(body), headers=JSON)
    assert code_of(response) == (422, "invalid_request")
    pointers = [error["pointer"] for error in response.json["errors"]]  # type: ignore[index]
    assert pointers == [{"value": "/subreddit", "key": "", "deep": "/a~1b/0/c~0"}[where]]


@pytest.mark.parametrize(
    "number", ["0", "-1", "9223372036854775808", "9" * 30, "9" * 5000, "1.0", "٣", "%00"]
)
def test_an_id_that_cannot_exist_is_404(offline: flask.testing.FlaskClient, number: str) -> None:
    for prefix in (JOBS, "/api/admin/scheduled-jobs"):
        assert code_of(offline.get(f"{prefix}/{number}")) == (404, "not_found")


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("x=1", (400, "unknown_parameter")),
        ("limit=0", (422, "invalid_request")),
        ("limit=501", (422, "invalid_request")),
        ("limit=-1", (422, "invalid_request")),
        ("limit=" + "9" * 5000, (422, "invalid_request")),
        ("limit=1e3", (422, "invalid_request")),
        ("limit=5&limit=6", (422, "invalid_request")),
        ("status=running", (422, "invalid_request")),
        ("&".join(["status=queued"] * 21), (422, "invalid_request")),
        ("subreddit=%00", (422, "invalid_request")),
        ("subreddit=a%20b", (422, "invalid_request")),
        ("subreddit=", (422, "invalid_request")),
        ("cursor=", (422, "invalid_request")),
        ("cursor=%ff", (400, "invalid_cursor")),
        ("cursor=e30", (400, "invalid_cursor")),
        ("cursor=" + "a" * 2_049, (422, "invalid_request")),
        ("%00=1", (422, "invalid_request")),
    ],
)
def test_a_wrong_query_is_refused_before_the_database(
    offline: flask.testing.FlaskClient, query: str, answer: tuple[int, str]
) -> None:
    assert code_of(offline.get(f"{JOBS}?{query}")) == answer


@pytest.mark.parametrize("path", [f"{JOBS}/stats", f"{JOBS}/1", "/api/admin/scheduled-jobs/1"])
def test_routes_without_parameters_refuse_all(
    offline: flask.testing.FlaskClient, path: str
) -> None:
    assert code_of(offline.get(f"{path}?verbose=1")) == (400, "unknown_parameter")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "BREW", "get"])
def test_a_method_that_does_not_apply_is_405_and_says_which_do(
    offline: flask.testing.FlaskClient, method: str
) -> None:
    response = offline.open(JOBS, method=method)
    # Werkzeug's client turns the method "get" into GET, which is allowed.
    if method != "get":
        assert code_of(response) == (405, "method_not_allowed")
        assert {"GET", "POST"} <= set(response.headers["Allow"].split(", "))


@pytest.mark.parametrize(
    ("offered", "kept"),
    [
        ("abc-123_X.y", True),
        ("a" * 64, True),
        ("a" * 65, False),
        ("", False),
        ("a b", False),
        # An access token that a client sends as the request id by mistake.
        ("cj_0123456789ab_" + "s" * 43, False),
        ("<script>", False),
        ("é", False),
    ],
)
def test_a_request_id_is_kept_when_harmless_and_replaced_otherwise(
    offline: flask.testing.FlaskClient, offered: str, kept: bool
) -> None:
    response = offline.get("/nothing", headers={"X-Request-Id": offered})
    given_back = response.headers["X-Request-Id"]
    assert (given_back == offered) is kept
    assert response.json is not None
    assert response.json["request_id"] == given_back


def test_every_answer_carries_the_security_headers(offline: flask.testing.FlaskClient) -> None:
    for path in (
        "/healthz",
        "/docs",
        "/docs/static/docs.js",
        "/nothing",
        JOBS,
        "/api/openapi.json",
    ):
        headers = offline.get(path).headers
        assert headers["Cache-Control"] == "no-store", path
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
fields = st.sampled_from(["subreddit", "priority", "max_retries", "visible_at", "name", "enabled"])


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    path=st.sampled_from([JOBS, "/api/admin/scheduled-jobs"]),
    body=st.dictionaries(fields | st.text(), json_values, max_size=6) | json_values,
)
def test_no_json_makes_the_server_fail(
    offline: flask.testing.FlaskClient, path: str, body: Any
) -> None:
    response = offline.post(path, data=json.dumps(body), headers=JSON)
    # A valid body leads to 503, because this application has no database.
    assert response.status_code in (422, 503)
