"""A token is used for a bounded time, whatever lifetime the token endpoint reports."""

import json
from typing import Any

import pytest

from crawler_worker.reddit import crawl_failures, reply_cells
from crawler_worker.reddit.oauth import token_endpoint
from crawljobs.domain.reply_meaning import Endpoint, Meaning

HOUR, DAY = 3600.0, 86_400.0


@pytest.mark.parametrize(
    ("told", "lives"),
    [
        (3600, HOUR),
        (120, 120.0),
        (121.5, 121.5),
        (DAY, DAY),
        # A lifetime below two minutes counts as two minutes. The token is replaced a minute before
        # its end.
        (119, 120.0),
        (1, 120.0),
        (0, 120.0),
        (-5, 120.0),
        (DAY + 1, DAY),
        (1e300, DAY),
        # A value that is not a number reports no lifetime.
        (None, HOUR),
        ("3600", HOUR),
        (True, HOUR),
        ([], HOUR),
    ],
)
def test_a_token_lives_within_bounds(told: Any, lives: float) -> None:
    body = {"access_token": "t", "expires_in": told}
    assert token_endpoint.token_of(json.dumps(body).encode()) == ("t", lives)


def test_a_token_of_an_untold_life_is_used_for_an_hour() -> None:
    assert token_endpoint.token_of(b'{"access_token": "t"}') == ("t", HOUR)


JSON = {"content-type": "application/json"}


@pytest.mark.parametrize("status", [403, 404, 410, 418, 422, 451])
@pytest.mark.parametrize(
    "body", [{"message": "Forbidden"}, {"message": "Forbidden", "error": 403}, {"detail": "no"}]
)
def test_a_gateways_refusal_is_no_fault_of_the_credentials(status: int, body: Any) -> None:
    """The credentials are right. An error that blames them would mislead the operator."""
    content = json.dumps(body).encode()
    found = reply_cells.meaning_of(Endpoint.TOKEN, status, JSON, content)
    assert found is (Meaning.CLIENT_REFUSED if status == 403 else Meaning.UNKNOWN)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("invalid_grant", crawl_failures.CredentialsRefused),
        ("unsupported_grant_type", crawl_failures.CredentialsRefused),
        (401, crawl_failures.CredentialsRefused),
        (400, crawl_failures.CredentialsRefused),
        (403, crawl_failures.UpstreamTrouble),
        (404, crawl_failures.UpstreamTrouble),
        (503, crawl_failures.UpstreamTrouble),
    ],
)
def test_an_error_with_the_status_200_has_its_own_meaning(
    error: Any, kind: type[crawl_failures.CrawlFailure]
) -> None:
    with pytest.raises(crawl_failures.CrawlFailure) as caught:
        token_endpoint.token_of(json.dumps({"message": "x", "error": error}).encode())
    assert caught.type is kind
