"""The replies of the token endpoint lead to a token or to a failure with its own meaning."""

import base64
import json
from typing import Any

import pytest

from crawler_worker.reddit import crawl_failures
from crawler_worker.reddit.exchange.transfer import Transport
from crawler_worker.reddit.oauth import token_endpoint
from crawljobs.settings import RedditSettings
from support import scripted_server
from support.scripted_server import Exchange


def token_of(**body: Any) -> tuple[str, float]:
    return token_endpoint.token_of(json.dumps(body).encode())


@pytest.mark.parametrize(
    ("expires_in", "lives"),
    [
        (3600, 3600.0),
        (7.5e3, 7500.0),
        (1, 120.0),
        (120, 120.0),
        (121, 121.0),
        (-5, 120.0),
        (86_400, 86_400.0),
        (86_401, 86_400.0),
        (10**15, 86_400.0),
        (None, 3600.0),
        ("3600", 3600.0),
        (True, 3600.0),
    ],
)
def test_a_token_lives_as_long_as_reddit_says_within_bounds(
    expires_in: object, lives: float
) -> None:
    assert token_of(access_token="t", expires_in=expires_in) == ("t", lives)


@pytest.mark.parametrize("token", [None, 7, "", "with blank in it", "line\nbreak", "ü", "x" * 4097])
def test_what_could_end_a_header_is_no_token(token: object) -> None:
    with pytest.raises(crawl_failures.UpstreamTrouble, match="sent no token"):
        token_of(access_token=token, expires_in=60)


def test_a_token_may_be_long_and_a_reply_must_be_an_object() -> None:
    assert token_of(access_token="x" * 4096)[0] == "x" * 4096
    with pytest.raises(crawl_failures.UpstreamTrouble, match="sent no object"):
        token_endpoint.token_of(b"[]")


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ("invalid_grant", "'invalid_grant'"),
        ("x" * 61, repr("x" * 60)),
        (401, "401"),
        ({"a": 1}, "an error that is no text"),
        (None, "an error that is no text"),
    ],
)
def test_an_error_says_that_the_credentials_are_refused(error: object, shown: str) -> None:
    with pytest.raises(crawl_failures.CredentialsRefused) as refused:
        token_of(error=error, access_token="t")
    assert str(refused.value) == (
        f"Reddit refuses REDDIT_CLIENT_ID and REDDIT_CLIENT_SECRET ({shown}): correct them"
    )
    assert refused.value.resume_in == 300.0


def test_the_credentials_are_sent_as_basic_authentication() -> None:
    asked: list[Exchange] = []

    def answer(exchange: Exchange) -> None:
        asked.append(exchange)
        exchange.send(200, json.dumps({"access_token": "t", "expires_in": 600}).encode())

    transport = Transport(user_agent="tests")
    with scripted_server.serve(answer) as url:
        found = token_endpoint.fetch(RedditSettings("id", "hush", "tests", url, url), transport)
    transport.close()
    (one,) = asked
    assert found == ("t", 600.0)
    assert (one.path, one.body) == ("/api/v1/access_token", b"grant_type=client_credentials")
    expected = base64.b64encode(b"id:hush").decode()
    assert one.headers["Authorization"] == f"Basic {expected}"
    assert one.headers["Content-Type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("status", "body", "raised"),
    [
        (401, {"message": "Unauthorized", "error": 401}, crawl_failures.CredentialsRefused),
        (500, {}, crawl_failures.UpstreamTrouble),
        (201, {"access_token": "t"}, crawl_failures.CrawlFailure),
    ],
)
def test_another_status_brings_no_token(
    status: int, body: dict[str, Any], raised: type[Exception]
) -> None:
    transport = Transport(user_agent="tests")
    with (
        scripted_server.serve(lambda it: it.send(status, json.dumps(body).encode())) as url,
        pytest.raises(raised),
    ):
        token_endpoint.fetch(RedditSettings("id", "hush", "tests", url, url), transport)
    transport.close()
