"""The client gives each recorded or documented error of Reddit its meaning."""

import json
from typing import Any

import pytest

from crawler_worker.reddit import crawl_failures
from crawljobs.domain.subreddit import AccessState
from support import recordings
from support.recordings import Interaction, Replay
from support.requesters import requester_of

# The meaning of an error by its status and reason, as in the documented table of replies.
MEANINGS: dict[tuple[int, str | None], type[crawl_failures.CrawlFailure] | AccessState] = {
    (301, None): crawl_failures.Unclear,
    (302, None): crawl_failures.Unclear,
    (400, None): crawl_failures.BadRequest,
    (401, None): crawl_failures.TokenRefused,
    (403, None): crawl_failures.Unclear,
    (403, "private"): AccessState.PRIVATE,
    (403, "quarantined"): AccessState.QUARANTINED,
    (403, "gated"): AccessState.GATED,
    (404, None): AccessState.NOT_FOUND,
    (404, "banned"): AccessState.BANNED,
    (413, None): crawl_failures.TooLarge,
    (414, None): crawl_failures.TooLarge,
    (429, None): crawl_failures.Throttled,
    (451, None): AccessState.LEGAL,
    (205, None): crawl_failures.UpstreamTrouble,
    (201, None): crawl_failures.UpstreamTrouble,
    **{(status, None): crawl_failures.UpstreamTrouble for status in (500, 502, 503, 504, 520, 522)},
}


def failure_of(*replies: Interaction, tokens: tuple[Interaction, ...] = ()) -> Exception:
    client = recordings.client(Replay(*replies, tokens=tokens))
    with pytest.raises(crawl_failures.CrawlFailure) as caught:
        # 413 and 414 count only for requests that may be long, such as those for a comment tree.
        is_long = replies[0].status in (413, 414)
        path = "/comments/abc" if is_long else "/r/anything/about"
        requester_of(client).get(path, {}, recordings.unparsed)
    client.close()
    return caught.value


def means(error: Exception, meaning: type[crawl_failures.CrawlFailure] | AccessState) -> bool:
    if isinstance(meaning, AccessState):
        return isinstance(error, crawl_failures.Unavailable) and error.access is meaning
    return type(error) is meaning


def meaning_of(status: int, headers: dict[str, str], body: Any) -> Any:
    reason = body.get("reason") if isinstance(body, dict) else None
    if "/subreddits/search" in headers.get("location", ""):
        return AccessState.NOT_FOUND
    if "/r/" in headers.get("location", ""):
        return AccessState.REDIRECTED
    return MEANINGS.get((status, reason), MEANINGS.get((status, None)))


def test_every_recorded_error_has_the_meaning_that_the_table_gives_it() -> None:
    seen = set()
    for each in recordings.interactions():
        if each.is_token or each.status == 200:
            continue
        error = failure_of(each)
        assert means(error, meaning_of(each.status, each.headers, each.body)), (each.file, error)
        seen.add(each.status)
    assert len(seen) >= 15


def test_every_documented_error_has_the_meaning_that_the_table_gives_it() -> None:
    file = recordings.folder() / "errors" / "documented_errors.json"
    documented = [each for each in json.loads(file.read_text())["errors"] if "status" in each]
    for each in documented:
        if each["status"] == 200 or "access_token" in each["path"]:
            continue
        headers = each.get("headers", {})
        reply = Interaction(
            each["situation"], "GET", "/", {}, each["status"], headers, each["body"]
        )
        error = failure_of(reply)
        assert means(error, meaning_of(each["status"], headers, each["body"])), each["situation"]
    assert len(documented) > 10


def test_the_recorded_429_tells_how_long_to_wait() -> None:
    (recorded,) = [r for r in recordings.interactions() if r.status == 429 and not r.is_token]
    error = failure_of(recorded)
    assert isinstance(error, crawl_failures.Throttled)
    assert error.retry_after == float(recorded.headers["retry-after"])


def test_the_recorded_json_that_is_cut_off_is_upstream_trouble() -> None:
    (recorded,) = [r for r in recordings.interactions() if "bad_json" in r.file and not r.is_token]
    assert type(failure_of(recorded)) is crawl_failures.UpstreamTrouble


def test_a_recorded_401_is_answered_with_a_fresh_token_and_the_same_request() -> None:
    name = "prawcore.TestSession.test_request__with_invalid_access_token__retry.json"
    recorded = list(recordings.of_file(recordings.folder() / "recordings" / name))
    tokens = tuple(each for each in recorded if each.is_token)
    # The recording has the same word in place of both tokens. The client must see two tokens.
    fresh = tuple(
        Interaction(t.file, t.method, t.path, t.query, t.status, t.headers,
                    {**t.body, "access_token": f"token-{n}"})
        for n, t in enumerate(tokens)
    )  # fmt: skip
    replay = Replay(*(each for each in recorded if not each.is_token), tokens=fresh)
    client = recordings.client(replay)
    listing = requester_of(client).get("/", {}, recordings.unparsed)
    client.close()
    assert len(listing["data"]["children"]) == 25
    assert replay.tokens_given == 2
    sent = [request.headers["Authorization"] for request in replay.asked]
    assert sent == ["bearer token-0", "bearer token-1"]


def test_every_recorded_answer_of_the_token_endpoint_is_understood() -> None:
    listing = next(r for r in recordings.interactions() if r.status == 200 and not r.is_token)
    refused = throttled = given = 0
    for each in recordings.interactions():
        if not each.path.endswith("/access_token"):
            continue
        if each.status == 200 and "access_token" in each.body:
            client = recordings.client(Replay(listing, tokens=(each,)))
            requester_of(client).get("/", {}, recordings.unparsed)
            client.close()
            given += 1
            continue
        error = failure_of(listing, tokens=(each,))
        if each.status == 429:
            assert type(error) is crawl_failures.Throttled
            throttled += 1
        else:  # some refusals have the status 200
            assert type(error) is crawl_failures.CredentialsRefused, each.file
            refused += 1
    assert given > 20
    assert throttled == 1
    assert refused >= 4
