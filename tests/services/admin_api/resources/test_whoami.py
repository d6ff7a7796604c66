"""GET /api/whoami shows the token of the request to every valid token."""

from datetime import timedelta

import flask
import flask.testing
import pytest

from crawljobs.domain.api_token import Scope
from support.admin_api import with_token
from support.jobs import T0

WHOAMI = "/api/whoami"
Client = flask.testing.FlaskClient


def test_the_bootstrap_token_has_all_scopes_and_no_end(client: Client) -> None:
    assert client.get(WHOAMI).json == {
        "name": "bootstrap",
        "token_id": None,
        "scopes": sorted(Scope),
        "expires_at": None,
    }


@pytest.mark.parametrize("scope", sorted(Scope))
def test_a_token_with_any_single_scope_sees_itself(
    app: flask.Flask, client: Client, scope: Scope
) -> None:
    ends = (T0 + timedelta(days=36_500)).isoformat().replace("+00:00", "Z")
    body = {"name": "robot", "scopes": [scope], "expires_at": ends}
    made = client.post("/api/admin/tokens", json=body).get_json()
    shown = with_token(app, made["token"]).get(WHOAMI)
    assert shown.json == {
        "name": "robot",
        "token_id": made["id"],
        "scopes": [scope],
        "expires_at": ends,
    }
    assert made["token"] not in shown.text


def test_without_a_valid_token_it_says_nothing(app: flask.Flask, client: Client) -> None:
    assert app.test_client().get(WHOAMI).status_code == 401
    made = client.post("/api/admin/tokens", json={"name": "x", "scopes": ["read"]}).get_json()
    assert client.delete(f"/api/admin/tokens/{made['id']}").status_code == 200
    assert with_token(app, made["token"]).get(WHOAMI).status_code == 401
    assert client.get(f"{WHOAMI}?x=1").status_code == 400
