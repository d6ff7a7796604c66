"""The names of Reddit's own listings are refused wherever a subreddit may be named."""

import flask.testing
import pytest

Client = flask.testing.FlaskClient


@pytest.mark.parametrize("name", ["all", "popular", "mod", "friends", "random", "Home", "a1+b1"])
def test_a_listing_is_refused_with_the_reason(client: Client, name: str) -> None:
    schedule = {"name": "x", "subreddit": name, "cron_expression": "@daily"}
    for path, body in (("jobs", {"subreddit": name}), ("scheduled-jobs", schedule)):
        response = client.post(f"/api/admin/{path}", json=body)
        assert response.status_code == 422, path
        assert "listing of Reddit's own" in response.text, path
    assert client.get("/api/admin/jobs").json == {"items": [], "next": None}
