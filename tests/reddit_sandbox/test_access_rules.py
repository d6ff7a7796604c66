"""Communities that cannot be read. Each kind has its own reply."""

import pytest

from support.reddit_sandbox import RunningSandbox


@pytest.mark.parametrize("path", ["about", "new", "hot", "comments"])
@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        ("private_one", 403, "private"),
        ("quarantined_one", 403, "quarantined"),
        ("gated_one", 403, "gated"),
        ("forbidden_one", 403, None),
        ("banned_one", 404, "banned"),
        ("notfound_one", 404, None),
        ("a", 404, None),
        ("way_too_long_for_a_name", 404, None),
        ("no-dashes", 404, None),
    ],
)
def test_a_refusal_names_its_reason(
    sandbox: RunningSandbox, path: str, name: str, status: int, reason: str | None
) -> None:
    reply = sandbox.get(f"/r/{name}/{path}")
    body = reply.json()
    assert (reply.status_code, body["error"], body.get("reason")) == (status, status, reason)
    assert body["message"] == {403: "Forbidden", 404: "Not Found"}[status]


def test_quarantine_and_gate_bring_their_warnings(sandbox: RunningSandbox) -> None:
    quarantined = sandbox.get("/r/Quarantined_one/hot").json()
    assert quarantined["quarantine_message"] in quarantined["quarantine_message_html"]
    gated = sandbox.get("/r/gated_one/hot").json()
    assert gated["interstitial_warning_message"] in gated["interstitial_warning_message_html"]


def test_a_missing_community_redirects_to_the_search(sandbox: RunningSandbox) -> None:
    reply = sandbox.get("/r/missing_one/about")
    assert reply.status_code == 302
    assert reply.headers["location"] == f"{sandbox.url}/subreddits/search?q=missing_one"
    assert "x-ratelimit-used" not in reply.headers
    # A client that follows the redirect gets a valid reply without results.
    assert sandbox.children("/subreddits/search", q="missing_one") == []


def test_a_renamed_community_redirects_to_its_new_name(sandbox: RunningSandbox) -> None:
    reply = sandbox.get("/r/redirect_pottery/new", limit=3)
    assert reply.status_code == 302
    assert reply.headers["location"] == f"{sandbox.url}/r/pottery/new?raw_json=1&limit=3"
    followed = sandbox.http.get(reply.headers["location"])
    assert followed.json()["data"]["children"][0]["data"]["subreddit"] == "Pottery"


def test_legal_reasons_have_a_status_and_no_body(sandbox: RunningSandbox) -> None:
    reply = sandbox.get("/r/legal_one/new")
    assert (reply.status_code, reply.content) == (451, b"")


def test_an_unreadable_community_is_in_no_history(sandbox: RunningSandbox) -> None:
    for name in ("private_pottery", "banned_pottery", "down_pottery"):
        sandbox.get(f"/r/{name}/new")
    authors = {post["author"] for post in sandbox.children("/r/pottery/new", limit=100)}
    seen = set()
    for author in authors:
        reply = sandbox.get(f"/user/{author}/overview", limit=100)
        if reply.status_code == 200:
            seen |= {child["data"]["subreddit"] for child in reply.json()["data"]["children"]}
    assert seen
    assert not {name for name in seen if name.startswith(("private", "banned", "down"))}


def test_a_profile_is_an_empty_community_of_its_own_type(sandbox: RunningSandbox) -> None:
    about = sandbox.get("/r/u_some-body/about").json()["data"]
    assert about["subreddit_type"] == "user"
    assert sandbox.children("/r/u_some-body/new") == []
