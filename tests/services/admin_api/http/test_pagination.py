"""The address of the next page: it has all parameters of the page before."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import flask.testing

from admin_api.http.pagination import Page

Client = flask.testing.FlaskClient
PATH = "/api/admin/jobs"


class Row:
    def __init__(self, number: int) -> None:
        self.id = number


def requested(**params: Any) -> Page:
    return Page.requested("jobs", {"limit": 2, "cursor": None, **params})


def test_the_next_page_has_the_filters_of_this_one(offline: Client) -> None:
    at = datetime(2031, 5, 17, 9, 30, tzinfo=UTC)
    params = {
        "status": ["queued", "failed"],
        "subreddit": "py&x",
        "scheduled": False,
        "created_after": at,
        "source": None,
        "name": [],
    }
    with offline.application.app_context():
        page = requested(**params)
        assert page.rows_to_fetch == 3
        rows = [Row(number) for number in (9, 8, 7)]
        body, status, headers = page.response(PATH, rows)
        assert status == 200
        assert body["items"] == rows[:2]
        address, _, relation = headers["Link"].partition(">; ")
        parts = urlsplit(address.removeprefix("<"))
        assert (relation, parts.path) == ('rel="next"', PATH)
        assert parse_qs(parts.query) == {
            "status": ["queued", "failed"],
            "subreddit": ["py&x"],
            "scheduled": ["false"],
            "created_after": ["2031-05-17T09:30:00Z"],
            "limit": ["2"],
            "cursor": [body["next"]],
        }
        following = requested(**{**dict(reversed(params.items())), "cursor": body["next"]})
        assert (following.after, following.last_id) == ([8], 8)


def test_a_full_page_without_a_further_row_is_the_last(offline: Client) -> None:
    with offline.application.app_context():
        for numbers in ([], [9], [9, 8]):
            rows = [Row(number) for number in numbers]
            assert requested().response(PATH, rows) == ({"items": rows, "next": None}, 200, {})
        assert requested().last_id is None
