"""The status, headers and body of a reply decide its meaning."""

import json
from typing import Any

import pytest

from crawler_worker.reddit import crawl_failures, replies, reply_cells
from crawljobs.domain.reply_meaning import Endpoint, Meaning
from crawljobs.domain.subreddit import AccessState

JSON = {"content-type": "application/json; charset=UTF-8"}
HTML = {"content-type": "text/html; charset=utf-8"}
ERROR = {"message": "Forbidden", "error": 403}
BLOCKED = b"<!doctype html><title>Blocked</title><p>your request has been blocked</p>"


ASKED = "https://oauth.reddit.com/r/python/about"


def meaning(status: int, body: Any, headers: dict[str, str] = JSON) -> Meaning:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return reply_cells.meaning_of(Endpoint.ABOUT, status, headers, content, url=ASKED)


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504, 520, 599])
def test_trouble_on_the_way_is_worth_another_try(status: int) -> None:
    error = replies.failure(Endpoint.ABOUT, status, {}, b"")
    assert type(error) is crawl_failures.UpstreamTrouble


@pytest.mark.parametrize("status", [400, 402, 405, 409, 418, 422, 426, 499])
def test_a_request_that_reddit_refuses_in_its_own_words_is_refused(status: int) -> None:
    body = json.dumps({"message": "Bad", "error": status}).encode()
    assert type(replies.failure(Endpoint.ABOUT, status, JSON, body)) is crawl_failures.BadRequest
    assert type(replies.failure(Endpoint.ABOUT, status, HTML, BLOCKED)) is crawl_failures.Unclear


@pytest.mark.parametrize("longer", [0, 1])
def test_a_reason_is_read_from_a_reply_of_at_most_64_kib(longer: int) -> None:
    body = json.dumps({**ERROR, "reason": "private"}).encode().ljust(64 * 1024 + longer)
    assert (meaning(403, body) is meaning(403, {**ERROR, "reason": "private"})) is (longer == 0)


# Replies to a blocked client, or from a proxy on the way, which come for every community.
BLOCKS: list[tuple[int, Any, dict[str, str]]] = [
    (403, BLOCKED, HTML),
    (403, BLOCKED, JSON),
    (403, b"\n  <html>", {}),
    (403, ERROR, JSON),
    (403, ERROR, HTML),
    (403, {**ERROR, "reason": "private"}, HTML),
    (403, {**ERROR, "reason": "client_blocked"}, JSON),
    (403, {"error": "insufficient_scope"}, JSON),
    (403, {"detail": "Access denied"}, JSON),
    (403, {"message": "Forbidden"}, JSON),
    (404, {"message": "Not Found"}, JSON),
    (403, b"", {}),
    (403, b"Access denied", {"content-type": "text/plain"}),
    (404, b"<html><title>404 Not Found</title>nginx</html>", HTML),
    (404, b"", {}),
    (404, {"detail": "Not Found"}, JSON),
    (410, b"gone", {"content-type": "text/plain"}),
    (451, BLOCKED, HTML),
    (400, BLOCKED, HTML),
    (413, BLOCKED, HTML),
    (200, BLOCKED, HTML),
    (302, b"", {"location": "https://portal.example/login?to=/subreddits/search"}),
    (302, b"", {"location": "/login"}),
    (302, b"", {}),
    (307, b"", {"location": "http://[broken"}),
]

HERE = "oauth.reddit.com"
# Redirects to a captive portal, or to another address of the requested community.
NO_WORD = [
    *(f"https://{HERE}/r/python/about/", "/r/python", "/r/Python/about", "/r/%70ython/new"),
    *("https://www.reddit.com/r/PYTHON/", "//portal.example/r/other", "https://x/r/other"),
    *("http://portal.example/r/login", "http://portal.example/subreddits/search?q=python"),
    *("https://reddit.com.portal.example/r/other", "https://notreddit.com/r/other"),
    *("https://reddit.com@portal.example/r/other", "ftp://www.reddit.com/r/other"),
    *("javascript:/r/other", "portal:/subreddits/search", "/r/", "/r/a b", "/r//about", "r/other"),
    *("/subreddits/searching", "/login?to=/r/other", "/user/other", "/", "", "?", "https://"),
]


@pytest.mark.parametrize("target", NO_WORD)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_elsewhere_is_no_word_on_a_community(status: int, target: str) -> None:
    assert meaning(status, b"", {"location": target}) is Meaning.UNKNOWN


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("/r/other", Meaning.REDIRECTED),
        ("/r/python3/about", Meaning.REDIRECTED),
        (f"https://{HERE}/r/other/about", Meaning.REDIRECTED),
        ("https://www.reddit.com:443/r/other/", Meaning.REDIRECTED),
        ("//old.reddit.com/r/other", Meaning.REDIRECTED),
        ("https://reddit.com/subreddits/search?q=python", Meaning.NOT_FOUND),
        ("/subreddits/search", Meaning.NOT_FOUND),
    ],
)
def test_a_redirect_of_reddits_own_says_what_became_of_a_community(
    target: str, found: Meaning
) -> None:
    assert meaning(302, b"", {"location": target}) is found


def test_the_host_of_the_request_is_reddits_own() -> None:
    """The host of the request may be a sandbox, or a proxy in place of Reddit."""
    for host, found in (("here", Meaning.REDIRECTED), ("elsewhere", Meaning.UNKNOWN)):
        headers = {"location": f"http://{host}:9/r/other"}
        asked = "http://here:9/r/python/about"
        assert reply_cells.meaning_of(Endpoint.ABOUT, 302, headers, b"", url=asked) is found


@pytest.mark.parametrize(("status", "body", "headers"), BLOCKS)
def test_a_reply_that_is_not_reddits_word_on_a_community_is_unclear(
    status: int, body: Any, headers: dict[str, str]
) -> None:
    assert meaning(status, body, headers) is Meaning.UNKNOWN


@pytest.mark.parametrize(
    ("status", "body", "headers", "access"),
    [
        (403, {**ERROR, "reason": "private"}, JSON, AccessState.PRIVATE),
        (403, {**ERROR, "reason": "gold_only"}, JSON, AccessState.PRIVATE),
        (403, {**ERROR, "reason": "quarantined"}, JSON, AccessState.QUARANTINED),
        (403, {**ERROR, "reason": "gated"}, JSON, AccessState.GATED),
        (404, {"reason": "banned", "message": "Not Found", "error": 404}, JSON, AccessState.BANNED),
        (404, {"message": "Not Found", "error": 404}, JSON, AccessState.NOT_FOUND),
        (302, b"", {"location": "/subreddits/search?q=a"}, AccessState.NOT_FOUND),
        (302, b"", {"location": "/r/other/about"}, AccessState.REDIRECTED),
        (451, {"message": "x", "error": 451}, JSON, AccessState.LEGAL),
        (451, b"", JSON, AccessState.LEGAL),
    ],
)
def test_reddits_own_words_say_what_became_of_a_community(
    status: int, body: Any, headers: dict[str, str], access: AccessState
) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    error = replies.failure(Endpoint.ABOUT, status, headers, content)
    assert isinstance(error, crawl_failures.Unavailable)
    assert error.access is access


def test_an_unclear_reply_shows_its_status_type_and_begin() -> None:
    error = replies.failure(Endpoint.ABOUT, 403, HTML, b"<p>\x1b[2Jno\xff\n" + b"x" * 1000)
    assert str(error).startswith("403 text/html: a reply that says nothing")
    assert "<p> [2Jno" in str(error)
    assert str(error).isprintable()
    assert len(str(error)) < 200


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"reason": "private", "error": 403}', "private"),
        (b'{"reason": 7}', "no reason given"),
        (b'{"message": "Forbidden"}', "no reason given"),
        (b"[]", "no reason given"),
        (b"null", "no reason given"),
        (b"", "no reason given"),
        (b" \n", "no reason given"),
        (b" Access denied\n", "Access denied"),
        (b"a\tb\x00c", "a b c"),
        (b'{"reason": ', '{"reason":'),
    ],
)
@pytest.mark.parametrize(
    ("content_type", "shown"),
    [
        ("Text/HTML; charset=utf-8", "text/html"),
        ("", "without a content type"),
        ("text html", "without a content type"),
    ],
)
def test_an_unclear_reply_shows_its_reason_or_its_begin(
    body: bytes, words: str, content_type: str, shown: str
) -> None:
    error = replies.failure(Endpoint.MORE_CHILDREN, 302, {"content-type": content_type}, body)
    says = "a reply that says nothing about the requested page"
    assert str(error) == f"302 {shown}: {says} ({words})"


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/r/python/about", Endpoint.ABOUT),
        ("/r/python/new", Endpoint.POSTS),
        ("/r/python/comments", Endpoint.COMMENTS),
        ("/comments/abc", Endpoint.TREE),
        ("/comments/abc/_/def", Endpoint.TREE),
        ("/api/morechildren", Endpoint.MORE_CHILDREN),
        ("/user/about/overview", Endpoint.HISTORY),
        ("/user/me/about", Endpoint.ACCOUNT),
        ("/api/info", Endpoint.INFO),
        ("/api/v1/access_token", Endpoint.TOKEN),
        ("/", Endpoint.INFO),
    ],
)
def test_the_kind_of_page_follows_from_the_path(path: str, endpoint: Endpoint) -> None:
    assert reply_cells.endpoint_of(path) is endpoint


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("3600", 3600.0),
        ("3601", 3600.0),
        ("1e300", 3600.0),
        ("0", None),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("9" * 400, None),  # a float of this text is infinite
        ("soon", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("", None),
        (None, None),
    ],
)
def test_a_429_says_how_long_to_wait_and_at_most_an_hour_is_believed(
    header: str | None, seconds: float | None
) -> None:
    headers = {} if header is None else {"retry-after": header}
    failure = replies.failure(Endpoint.ABOUT, 429, headers, b"")
    assert isinstance(failure, crawl_failures.Throttled)
    assert failure.retry_after == seconds
