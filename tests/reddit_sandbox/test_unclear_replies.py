"""Replies without information about a community, and tokens that are refused, on request."""

import pytest

from support.reddit_sandbox import RunningSandbox


@pytest.mark.parametrize(
    ("word", "status", "content_type", "within"),
    [
        ("blocked", 403, "text/html", "<title>"),
        ("nginx", 404, "text/html", "<title>"),
        ("scope", 403, "application/json", "insufficient_scope"),
        ("gateway", 403, "application/json", '"message"'),
        ("refused", 401, "application/json", '"error"'),
        ("portal", 302, "text/html", "/login"),
    ],
)
def test_a_community_answers_unclearly_for_good(
    sandbox: RunningSandbox, word: str, status: int, content_type: str, within: str
) -> None:
    for path in ("about", "new", "comments"):
        reply = sandbox.get(f"/r/{word}_one/{path}")
        assert reply.status_code == status
        assert reply.headers["content-type"].startswith(content_type)
        assert within in reply.text


@pytest.mark.parametrize(
    ("asked", "within"),
    [
        ({"status": 403, "body": "html"}, "<title>"),
        ({"status": 403, "body": "private"}, '"reason":"private"'),
        ({"status": 404, "body": "banned"}, '"reason":"banned"'),
        ({"status": 403, "body": "scope"}, "insufficient_scope"),
        ({"status": 403, "body": "gateway"}, "Forbidden"),
    ],
)
def test_every_page_answers_so_on_request(
    sandbox: RunningSandbox, asked: dict[str, object], within: str
) -> None:
    set_to = {"path": "/", **asked}
    assert sandbox.http.post("/sandbox/replies", json=set_to).status_code == 200
    for path in ("/r/pottery/about", "/api/info?id=t5_6"):
        reply = sandbox.get(path)
        assert reply.status_code == asked["status"]
        assert within in reply.text.replace(": ", ":")
    sandbox.http.post("/sandbox/replies", json={"path": "/", "status": 0})
    assert sandbox.get("/r/pottery/about").status_code == 200


@pytest.mark.parametrize("mode", ["refused", "same"])
def test_tokens_are_refused_on_request(sandbox: RunningSandbox, mode: str) -> None:
    assert sandbox.http.post("/sandbox/tokens", json={"mode": mode}).status_code == 200
    given = []
    for _ in range(2):
        sandbox.authorize()
        given.append(sandbox.http.headers["authorization"])
        assert sandbox.get("/r/pottery/about").status_code == 401
    assert (given[0] == given[1]) == (mode == "same")
    sandbox.http.post("/sandbox/tokens", json={"mode": "good"})
    sandbox.authorize()
    assert sandbox.get("/r/pottery/about").status_code == 200


def test_a_wrong_mode_is_refused_with_the_right_ones(sandbox: RunningSandbox) -> None:
    reply = sandbox.http.post("/sandbox/tokens", json={"mode": "odd"})
    assert reply.status_code == 422
    assert "good, refused, same" in reply.json()["error"]
