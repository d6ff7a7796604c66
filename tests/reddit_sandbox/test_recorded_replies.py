"""The sandbox's wrappers, errors, tokens and headers equal the recorded ones."""

import json
import re
from typing import Any

import pytest

from support import recordings, reddit_shapes
from support.recordings import Interaction
from support.reddit_sandbox import RunningSandbox

MODERN = 2023


@pytest.fixture(scope="module")
def exchanges() -> list[Interaction]:
    return list(recordings.interactions())


def test_replies_to_morechildren_are_wrapped_as_recorded(
    exchanges: list[Interaction], sandbox: RunningSandbox
) -> None:
    real = next(
        each.body for each in exchanges if "morechildren" in each.path and each.status == 200
    )
    form = {"api_type": "json", "children": "a", "link_id": _any_post(sandbox)}
    ours = sandbox.http.post("/api/morechildren", data=form).json()
    assert _outline(ours, 3) == _outline(real, 3)


def test_errors_have_the_recorded_bodies_and_headers(
    exchanges: list[Interaction], sandbox: RunningSandbox
) -> None:
    """The newest recorded reply of each kind is compared with the sandbox's reply."""
    asked = {
        401: sandbox.http.get("/api/v1/me", headers={"authorization": "bearer no"}),
        403: sandbox.get("/r/quarantined_one/top"),
        404: sandbox.get("/r/notfound_one/about"),
        414: sandbox.get("/api/info", id="t3_zzz," * 2_000),
        429: sandbox.get("/r/limited_shape/new"),
        451: sandbox.get("/r/legal_one/new"),
        502: sandbox.get("/r/badgw_one/new"),
        503: sandbox.get("/r/down_one/new"),
    }
    for status, ours in asked.items():
        real = _newest(exchanges, status)
        assert ours.status_code == status
        for name in ("content-type", "retry-after", "www-authenticate"):
            assert ours.headers.get(name) == real.headers.get(name), (status, name)
        if isinstance(real.body, dict):
            assert _outline(ours.json(), 1) == _outline(real.body, 1), status
        elif status != 429:
            assert ours.text == real.body, status
        if status != 404:
            assert "x-ratelimit-used" not in {*ours.headers, *real.headers}, status


def test_budget_headers_have_the_recorded_form(
    exchanges: list[Interaction], sandbox: RunningSandbox
) -> None:
    forms = {
        "x-ratelimit-remaining": re.compile(r"\d+\.\d"),
        "x-ratelimit-used": re.compile(r"\d+"),
        "x-ratelimit-reset": re.compile(r"\d+"),
    }
    ours = sandbox.get("/r/pottery/new").headers
    real = [each.headers for each in exchanges if not each.is_token]
    for name, form in forms.items():
        values = [headers[name] for headers in real if name in headers]
        assert values
        assert all(form.fullmatch(value) for value in [*values, ours[name]])


def test_the_token_reply_has_the_recorded_fields(
    exchanges: list[Interaction], sandbox: RunningSandbox
) -> None:
    real = [
        each
        for each in exchanges
        if each.is_token and each.status == 200
        if reddit_shapes.year_of(each.headers) >= MODERN and each.body.get("expires_in") == 86_400
    ]
    ours = sandbox.token()
    for each in real:
        assert _outline(ours.json(), 1) == _outline(each.body, 1)
        assert ours.headers["content-type"] == each.headers["content-type"]
    assert real


def test_documented_refusals_have_the_documented_bodies(sandbox: RunningSandbox) -> None:
    names = {
        "private subreddit": "private_one",
        "banned subreddit": "banned_one",
        "quarantined subreddit (not opted in)": "quarantined_one",
        "gated subreddit (content advisory)": "gated_one",
        "non-existent subreddit (invalid name)": "a",
        "old-style quarantined/forbidden": "forbidden_one",
    }
    text = (recordings.folder() / "errors" / "documented_errors.json").read_text()
    documented = {each["situation"]: each for each in json.loads(text)["errors"]}
    for situation, name in names.items():
        expected = documented[situation]
        reply = sandbox.get(f"/r/{name}/about")
        assert reply.status_code == expected["status"], situation
        for field, value in reply.json().items():
            # The sandbox has its own notices. The field next to a notice was documented for one
            # community only.
            assert field in expected["body"]
            assert (
                "message_" in field
                or field.endswith("_message")
                or (value == expected["body"][field])
            )


def _newest(exchanges: list[Interaction], status: int) -> Interaction:
    fitting = [
        each
        for each in exchanges
        if each.status == status and not each.is_token
        if status not in (401, 404) or (isinstance(each.body, dict) and "message" in each.body)
        if status != 404 or reddit_shapes.year_of(each.headers) >= 2020
        if status != 403 or "reason" in each.body
    ]
    return max(fitting, key=lambda each: reddit_shapes.year_of(each.headers))


def _any_post(sandbox: RunningSandbox) -> str:
    name: str = sandbox.children("/r/pottery/new", limit=1)[0]["name"]
    return name


def _outline(value: Any, depth: int) -> Any:
    if isinstance(value, dict) and depth:
        return {name: _outline(inner, depth - 1) for name, inner in value.items()}
    return type(value)
