"""Each route requires the token, and no response or log line contains the token."""

from collections.abc import Callable
from typing import Any

import flask
import flask.testing
import pytest

from admin_api.http import auth, scopes
from support.admin_api import TOKEN, example_path, with_token

PUBLIC = {
    "/healthz",
    "/readyz",
    "/",
    "/docs",
    "/docs/openapi.json",
    "/docs/static/<path:filename>",
    "/ui",
    "/ui/",
    "/ui/<path:path>",
    "/ui/static/<version>/<path:name>",
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")


def test_every_route_but_health_and_docs_wants_the_token(
    offline: flask.testing.FlaskClient,
) -> None:
    stranger = offline.application.test_client()
    walked = 0
    for rule in offline.application.url_map.iter_rules():
        if str(rule) in PUBLIC:
            continue
        path = example_path(rule)
        for method in METHODS:
            response = stranger.open(path, method=method)
            assert response.status_code == 401, f"{method} {path}"
            assert response.headers["WWW-Authenticate"].startswith("Bearer")
            walked += 1
    assert walked >= 30 * len(METHODS)


def test_the_allow_list_names_routes_that_exist_and_no_others(
    offline: flask.testing.FlaskClient,
) -> None:
    rules = list(offline.application.url_map.iter_rules())
    assert {rule.endpoint for rule in rules} >= auth.PUBLIC_ENDPOINTS
    assert {str(rule) for rule in rules if rule.endpoint in auth.PUBLIC_ENDPOINTS} == PUBLIC


@pytest.mark.parametrize(
    "path", ["/nothing", "/api", "/api/admin/jobs/x", "/api//admin/jobs", "/docs/"]
)
def test_paths_that_do_not_exist_want_the_token_too(
    offline: flask.testing.FlaskClient, path: str
) -> None:
    stranger = offline.application.test_client()
    assert stranger.get(path).status_code == 401
    assert offline.get(path).status_code == 404


def test_a_static_path_cannot_leave_its_folder(offline: flask.testing.FlaskClient) -> None:
    for path in ("../app.py", "..%2fapp.py", "%2e%2e/app.py", "/etc/passwd", "\0"):
        response = offline.get(f"/docs/static/{path}")
        assert response.status_code in (401, 404), path


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        TOKEN,
        f"Basic {TOKEN}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN.lower()}",
        "Bearer \xff\xfe",
        f"Bearer {TOKEN} {TOKEN}",
    ],
)
def test_anything_but_the_token_is_refused(
    offline: flask.testing.FlaskClient, header: str | None
) -> None:
    headers = {} if header is None else {"Authorization": header}
    response = offline.application.test_client().get("/api/admin/jobs", headers=headers)
    assert response.status_code == 401
    assert response.json is not None
    assert response.json["code"] in ("missing_token", "invalid_token")


def test_the_scheme_is_read_without_case(offline: flask.testing.FlaskClient) -> None:
    client = offline.application.test_client()
    response = client.get("/api/openapi.json", headers={"Authorization": f"bEARER {TOKEN}"})
    assert response.status_code == 200


def test_the_token_is_in_no_answer_and_no_log(
    offline: flask.testing.FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    answers: list[Any] = [
        offline.get("/api/admin/jobs"),
        offline.get("/nothing"),
        offline.post("/api/admin/jobs", json={"subreddit": "x"}),
        offline.get("/api/openapi.json"),
        with_token(offline.application, TOKEN + "y").get("/api/admin/jobs"),
    ]
    for answer in answers:
        assert TOKEN not in answer.text
        assert TOKEN not in str(answer.headers)
    written = capsys.readouterr()
    assert "auth.refused" in written.out + written.err
    assert TOKEN not in written.out + written.err


def test_the_application_refuses_to_be_made_without_a_good_token(
    make_app: Callable[..., flask.Flask],
) -> None:
    for token in ("", "short", "changeme" * 5):
        with pytest.raises(Exception, match="ADMIN_API_TOKEN"):
            make_app("postgresql://nobody@127.0.0.1:1/none", ADMIN_API_TOKEN=token)


def test_a_view_with_a_scope_fails_when_no_token_was_checked(
    offline: flask.testing.FlaskClient,
) -> None:
    app = offline.application
    with app.test_request_context("/api/admin/jobs"), pytest.raises(AttributeError):
        scopes.require()
    with app.test_request_context("/healthz"):
        scopes.require()
