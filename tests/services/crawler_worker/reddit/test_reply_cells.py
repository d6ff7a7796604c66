"""Each status code of a reply has its meaning, whatever neighbours the code has."""

import json

import pytest

from crawler_worker.reddit import reply_cells
from crawljobs.domain.reply_meaning import Endpoint, Meaning

JSON = {"content-type": "application/json"}


def meanings(endpoint: Endpoint) -> dict[int, Meaning]:
    """Return the meaning of each status from 100 to 699, with an error in Reddit's own words."""
    return {
        status: reply_cells.meaning_of(
            endpoint, status, JSON, json.dumps({"message": "x", "error": status}).encode()
        )
        for status in range(100, 700)
    }


def test_each_status_of_a_listing_has_its_meaning() -> None:
    expected = {
        **dict.fromkeys(range(100, 700), Meaning.UNKNOWN),
        **dict.fromkeys(range(201, 300), Meaning.OUTAGE),
        **dict.fromkeys(range(400, 500), Meaning.PART_REFUSED),
        **dict.fromkeys(range(500, 600), Meaning.OUTAGE),
        200: Meaning.READ,
        401: Meaning.TOKEN_STALE,
        403: Meaning.UNKNOWN,
        404: Meaning.NOT_FOUND,
        410: Meaning.NOT_FOUND,
        408: Meaning.OUTAGE,
        425: Meaning.OUTAGE,
        413: Meaning.REQUEST_TOO_LARGE,
        414: Meaning.REQUEST_TOO_LARGE,
        431: Meaning.REQUEST_TOO_LARGE,
        429: Meaning.THROTTLED,
        451: Meaning.LEGAL,
    }
    assert meanings(Endpoint.COMMENTS) == expected


def test_only_400_and_401_of_the_token_endpoint_refuse_the_credentials() -> None:
    found = meanings(Endpoint.TOKEN)
    refused = {status for status, it in found.items() if it is Meaning.CREDENTIALS_REFUSED}
    assert refused == {400, 401}
    assert [status for status, it in found.items() if it is Meaning.CLIENT_REFUSED] == [403]


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (299, Meaning.OUTAGE),
        (300, Meaning.REDIRECTED),
        (301, Meaning.REDIRECTED),
        (399, Meaning.REDIRECTED),
        (400, Meaning.UNKNOWN),
    ],
)
def test_the_statuses_from_300_to_399_are_redirects(status: int, meaning: Meaning) -> None:
    headers = {"location": "/r/other/about"}
    asked = "https://oauth.reddit.com/r/python/about"
    assert reply_cells.meaning_of(Endpoint.ABOUT, status, headers, b"", url=asked) is meaning


# A 404 in Reddit's own words means that the subreddit does not exist.
@pytest.mark.parametrize(
    ("body", "is_reddits"),
    [
        ({"error": 404}, True),
        ({"error": 404, "message": "Not Found"}, True),
        ({"error": True}, False),
        ({"error": "404"}, False),
        ({"message": "Not Found"}, False),
        ({"message": "Not Found", "error": None}, False),
        ({}, False),
        ([], False),
        ({"reason": "unknown"}, False),
        ({"reason": ""}, False),
        ({"reason": 7, "message": "x"}, False),
    ],
)
def test_only_an_error_with_a_code_is_in_reddits_words(body: object, is_reddits: bool) -> None:
    content = json.dumps(body).encode()
    found = reply_cells.meaning_of(Endpoint.ABOUT, 404, JSON, content)
    assert found is (Meaning.NOT_FOUND if is_reddits else Meaning.UNKNOWN)


@pytest.mark.parametrize(
    ("content_type", "is_json"),
    [
        ("application/json", True),
        ("APPLICATION/JSON ; charset=utf-8", True),
        ("application/problem+json", True),
        ("text/html", False),
        ("application/xhtml+xml", False),
        ("", True),
    ],
)
def test_an_error_in_another_content_type_is_not_reddits(content_type: str, is_json: bool) -> None:
    content = json.dumps({"message": "Not Found", "error": 404}).encode()
    found = reply_cells.meaning_of(Endpoint.ABOUT, 404, {"content-type": content_type}, content)
    assert found is (Meaning.NOT_FOUND if is_json else Meaning.UNKNOWN)
