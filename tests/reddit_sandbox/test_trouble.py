"""Replies that fail or are damaged on purpose."""

import json
import re
import time
import zlib

import httpx
import pytest

from reddit_sandbox import naming, trouble
from support import reddit_sandbox
from support.reddit_sandbox import RunningSandbox


@pytest.mark.parametrize(("word", "status"), naming.STATUS.items())
def test_some_communities_always_fail(sandbox: RunningSandbox, word: str, status: int) -> None:
    replies = [sandbox.get(f"/r/{word}_one/{path}") for path in ("about", "new", "new")]
    assert {reply.status_code for reply in replies} == {status}
    for reply in replies:
        assert ("x-ratelimit-used" in reply.headers) == (status < 500)


def test_every_third_request_to_a_flaky_community_fails(sandbox: RunningSandbox) -> None:
    statuses = [sandbox.get("/r/flaky_one/new").status_code for _ in range(9)]
    assert statuses == [200, 200, 503] * 3


def test_a_hiccup_passes_for_each_request_by_itself(sandbox: RunningSandbox) -> None:
    for path in ("/r/hiccup_one/about", "/r/hiccup_one/new"):
        assert [sandbox.get(path).status_code for _ in range(3)] == [503, 200, 200]
    after = sandbox.get("/r/hiccup_one/new", limit=5).status_code
    assert after == 503  # another page is another request, which fails once too


def test_a_hiccup_reaches_into_the_threads_of_its_community(sandbox: RunningSandbox) -> None:
    sandbox.get("/r/hiccup_two/new")
    post = sandbox.children("/r/hiccup_two/new")[0]
    path = f"/comments/{post['id']}"
    assert [sandbox.get(path).status_code for _ in range(2)] == [503, 200]


def test_a_limited_community_asks_for_patience_first(sandbox: RunningSandbox) -> None:
    replies = [sandbox.get("/r/limited_one/new") for _ in range(3)]
    assert [reply.status_code for reply in replies] == [429, 429, 200]
    assert replies[0].headers["retry-after"] == "4"


def test_a_stale_community_revokes_the_token_once(sandbox: RunningSandbox) -> None:
    assert sandbox.get("/r/stale_one/new").status_code == 401
    assert sandbox.get("/r/pottery/about").status_code == 401
    sandbox.authorize()
    assert sandbox.get("/r/stale_one/new").status_code == 200


def test_a_cut_off_reply_is_whole_http_and_half_json(sandbox: RunningSandbox) -> None:
    for path in ("about", "new", "comments"):
        reply = sandbox.get(f"/r/cutoff_one/{path}")
        assert reply.status_code == 200
        assert reply.headers["content-type"].startswith("application/json")
        with pytest.raises(json.JSONDecodeError):
            reply.json()


def test_a_reset_reply_breaks_off_in_the_middle(sandbox: RunningSandbox) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        sandbox.get("/r/reset_one/new")
    assert sandbox.get("/r/pottery/about").status_code == 200


def test_html_can_come_where_json_was_expected(sandbox: RunningSandbox) -> None:
    reply = sandbox.get("/r/html_one/new")
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/html")
    assert reply.text.startswith("<!doctype html>")


def test_nan_is_not_json_to_a_strict_reader(sandbox: RunningSandbox) -> None:
    def refuse(constant: str) -> float:
        raise ValueError(constant)

    for path, constant in (("new", "NaN"), ("comments", "-Infinity")):
        text = sandbox.get(f"/r/nan_one/{path}").text
        json.loads(text)
        with pytest.raises(ValueError, match=constant):
            json.loads(text, parse_constant=refuse)


def test_a_slow_reply_takes_its_time_and_comes(sandbox: RunningSandbox) -> None:
    started = time.monotonic()
    assert sandbox.get("/r/slow_one/about").status_code == 200
    assert 0.3 <= time.monotonic() - started < 2


def test_a_reply_that_never_comes_outlasts_a_client_and_ends_as_504() -> None:
    with reddit_sandbox.serve("--hang-seconds", 1) as running:
        with pytest.raises(httpx.ReadTimeout):
            running.http.get("/r/timeout_one/new", timeout=0.5)
        started = time.monotonic()
        assert running.get("/r/timeout_one/new").status_code == 504
        assert time.monotonic() - started >= 1


def test_latency_is_added_to_every_reply() -> None:
    with reddit_sandbox.serve("--latency-seconds", 0.2) as running:
        started = time.monotonic()
        running.get("/r/pottery/about")
        assert time.monotonic() - started >= 0.2


def test_a_word_without_an_underscore_is_an_ordinary_name(sandbox: RunningSandbox) -> None:
    for name in ("down", "Private", "flakyness", "down_"):
        assert sandbox.get(f"/r/{name}/about").status_code == 200


def test_hostile_pages_are_sound_json_with_unsound_content(sandbox: RunningSandbox) -> None:
    text = sandbox.get("/r/hostile_one/new", limit=100).text
    assert text.isascii()
    assert "NaN" not in text
    for escape in ("\\u0000", "\\ud83d", "\\u202e", "<script>"):
        assert escape in text
    children = json.loads(text)["data"]["children"]
    titles = [(child["data"] or {}).get("title", "") for child in children]
    assert max(len(title) for title in titles if isinstance(title, str)) >= 300_000
    assert {type(title) for title in titles} == {str, int, type(None)}
    assert {child["kind"] for child in children} == {"t3", "t9", "Listing"}
    depth = max(json.dumps(child["data"]).count('{"oembed": [') for child in children)
    assert depth == 200


def test_hostile_comments_and_threads_are_sound_json_too(sandbox: RunningSandbox) -> None:
    comments = sandbox.get("/r/hostile_one/comments", limit=100).json()["data"]["children"]
    bodies = {type((child["data"] or {}).get("body", "")) for child in comments}
    assert bodies == {str, list, type(None)}
    posts = sandbox.get("/r/hostile_one/new", limit=100).json()["data"]["children"]
    for child in posts[:25]:
        post = child["data"]
        assert sandbox.get(f"/comments/{post['id']}").status_code == 200


def test_the_log_tells_what_was_asked(sandbox: RunningSandbox) -> None:
    sandbox.get("/r/pottery/new", limit=3)
    sandbox.http.get("/r/pottery/about", headers={"authorization": "bearer nonsense"})
    entries = sandbox.http.get("/sandbox/log", params={"limit": 2}).json()["entries"]
    times = [entry.pop("time") for entry in entries]
    assert times == sorted(times)
    assert abs(times[-1] - time.time()) < 60
    assert entries == [
        {
            "method": "GET",
            "path": "/r/pottery/new",
            "query": "raw_json=1&limit=3",
            "status": 200,
            "client": "tests",
        },
        {
            "method": "GET",
            "path": "/r/pottery/about",
            "query": "",
            "status": 401,
            "client": None,
        },
    ]


def test_the_log_is_bounded_and_the_counts_are_not() -> None:
    with reddit_sandbox.serve("--log-size", 3) as running:
        for _ in range(5):
            running.get("/r/pottery/about")
        assert len(running.http.get("/sandbox/log?limit=100").json()["entries"]) == 3
        stats = running.http.get("/sandbox/stats").json()
        assert (stats["requests"], stats["by_status"], stats["tokens_given"]) == (6, {"200": 6}, 1)


def test_a_bomb_is_small_on_the_wire_and_large_behind_it(sandbox: RunningSandbox) -> None:
    with sandbox.http.stream("GET", "/r/bomb_one/about") as reply:
        assert reply.headers["content-encoding"] == "gzip"
        raw = b"".join(reply.iter_raw())
    assert len(raw) < 200_000
    unpack = zlib.decompressobj(16 + zlib.MAX_WBITS)
    assert len(unpack.decompress(raw, 40_000_000)) == 40_000_000
    assert not unpack.eof


def test_a_deep_reply_is_json_that_a_plain_reader_gives_up_on(sandbox: RunningSandbox) -> None:
    reply = sandbox.get("/r/deep_one/about")
    assert reply.text.count("[") >= trouble.DEEP_LEVELS
    with pytest.raises(RecursionError):
        json.loads(reply.text)


def test_a_headerless_community_tells_nothing_of_the_budget(sandbox: RunningSandbox) -> None:
    reply = sandbox.get("/r/headerless_one/new")
    assert reply.status_code == 200
    assert not [name for name in reply.headers if name.startswith("x-ratelimit")]


def test_an_outage_begins_and_ends_when_it_is_told_to(sandbox: RunningSandbox) -> None:
    assert sandbox.http.post("/sandbox/outage", json={"status": 503}).status_code == 200
    reply = sandbox.get("/r/pottery/about")
    assert reply.status_code == 503
    assert "x-ratelimit-used" not in reply.headers
    assert sandbox.http.post("/sandbox/outage", json={"status": 0}).status_code == 200
    assert sandbox.get("/r/pottery/about").status_code == 200
    for wrong in (404, -1, "x", None):
        assert sandbox.http.post("/sandbox/outage", json={"status": wrong}).status_code == 422


def test_a_few_posts_point_to_another_community_that_exists(sandbox: RunningSandbox) -> None:
    texts = " ".join(post["selftext"] for post in sandbox.children("/r/big_barn/new", limit=100))
    found = re.findall(r"r/([A-Za-z0-9_]+)", texts)
    assert found
    assert {name.lower() for name in found} <= naming.CATALOGUE.keys()
