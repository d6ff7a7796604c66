"""The token endpoint, and the replies to requests without a valid token."""

from collections.abc import Iterator

import httpx
import pytest

from reddit_sandbox.tokens import Tokens
from support import reddit_sandbox
from support.reddit_sandbox import RunningSandbox


@pytest.fixture(scope="module")
def strict() -> Iterator[RunningSandbox]:
    """Yield a sandbox that accepts only one client."""
    with reddit_sandbox.serve("--client-id", "tests", "--client-secret", "secret") as running:
        yield running


def test_a_token_has_the_recorded_fields_and_lets_the_client_in(sandbox: RunningSandbox) -> None:
    reply = sandbox.token("somebody")
    given = reply.json()
    token = given.pop("access_token")
    assert given == {"token_type": "bearer", "expires_in": 86_400, "scope": "*"}
    asked = sandbox.http.get("/r/pottery/about", headers={"authorization": f"bearer {token}"})
    assert asked.status_code == 200


@pytest.mark.parametrize(
    "header", [None, "", "bearer", "bearer unknown", "Basic dGVzdHM6c2VjcmV0", "bearer \xff"]
)
def test_a_request_without_a_good_token_is_unauthorized(
    sandbox: RunningSandbox, header: str | None
) -> None:
    request = sandbox.http.build_request("GET", "/r/pottery/about")
    del request.headers["authorization"]
    if header is not None:
        request.headers = httpx.Headers(
            [*request.headers.raw, (b"authorization", header.encode("latin-1"))]
        )
    reply = sandbox.http.send(request)
    assert reply.status_code == 401
    assert reply.json() == {"message": "Unauthorized", "error": 401}
    assert reply.headers["www-authenticate"] == 'Bearer realm="reddit", error="invalid_token"'
    assert "x-ratelimit-used" not in reply.headers


def test_wrong_credentials_are_unauthorized(strict: RunningSandbox) -> None:
    good = {"grant_type": "client_credentials"}
    for credentials in (("tests", "wrong"), ("other", "secret"), ("", "")):
        reply = strict.http.post("/api/v1/access_token", data=good, auth=credentials)
        assert reply.status_code == 401
    assert strict.http.post("/api/v1/access_token", data=good).status_code == 401
    assert strict.token().status_code == 200


@pytest.mark.parametrize(
    ("grant", "error"),
    [
        ("", "unsupported_grant_type"),
        ("password", "unauthorized_client"),
        ("authorization_code", "invalid_grant"),
        ("https://oauth.reddit.com/grants/installed_client", "invalid_request"),
    ],
)
def test_an_error_can_come_with_status_200(sandbox: RunningSandbox, grant: str, error: str) -> None:
    reply = sandbox.token(grant_type=grant)
    assert reply.status_code == 200
    assert reply.json()["error"] == error
    assert "access_token" not in reply.json()


def test_a_client_id_can_ask_for_an_error(sandbox: RunningSandbox) -> None:
    reply = sandbox.token("error_invalid_grant")
    assert (reply.status_code, reply.json()) == (200, {"error": "invalid_grant"})


def test_the_token_endpoint_has_a_limit_of_its_own_without_retry_after() -> None:
    with reddit_sandbox.serve("--token-rate-limit", 3, "--rate-window", 1_000_000_000) as running:
        seen = [running.token() for _ in range(4)]
        # Only two of the three permitted tokens are left, because `serve` took the first.
        assert [reply.status_code for reply in seen].count(200) == 2
        assert seen[-1].status_code == 429
        assert seen[-1].json() == {"message": "Too Many Requests", "error": 429}
        assert "retry-after" not in seen[-1].headers
        assert running.get("/r/pottery/about").status_code == 200


def test_a_token_expires() -> None:
    now = 1_000.0
    tokens = Tokens(60, lambda: now)
    token = tokens.give("tests")
    now += 59
    assert tokens.client_of(token) == "tests"
    now += 1
    assert tokens.client_of(token) is None


def test_tokens_are_bounded_and_the_oldest_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reddit_sandbox.tokens.MOST_TOKENS", 2)
    tokens = Tokens(60, lambda: 0)
    first, second, third = (tokens.give("tests") for _ in range(3))
    assert tokens.client_of(first) is None
    assert tokens.client_of(second) == tokens.client_of(third) == "tests"
