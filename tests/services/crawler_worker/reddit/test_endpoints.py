"""Each request has the path and the parameters that Reddit expects, and only valid names."""

from collections.abc import Callable
from typing import Any

import pytest

from crawler_worker.reddit import crawl_failures, endpoints

LONG = "!" * 61


class _NoRequests:
    def get(self, *_: object, **__: object) -> None:
        raise AssertionError("a refused name makes no request")

    post = get


NO_REQUESTER: Any = _NoRequests()


@pytest.mark.parametrize(
    "ask",
    [
        lambda: endpoints.info(NO_REQUESTER, names=["t3_abc", LONG]),
        lambda: endpoints.account(NO_REQUESTER, name=LONG),
        lambda: endpoints.history(NO_REQUESTER, name=LONG),
        lambda: endpoints.more_children(NO_REQUESTER, post_id="abc", comment_ids=["def", LONG]),
        lambda: endpoints.more_children(NO_REQUESTER, post_id=LONG, comment_ids=["def"]),
    ],
)
def test_a_name_that_cannot_be_is_refused_and_shown_up_to_60_characters(
    ask: Callable[[], object],
) -> None:
    with pytest.raises(crawl_failures.BadRequest) as refused:
        ask()
    assert str(refused.value).endswith(f": {LONG[:60]!r}")


class _Noted:
    """Returns each request instead of sending it."""

    def get(self, path: str, params: Any, _parse: object) -> tuple[str, Any]:
        return path, params

    def post(self, path: str, form: Any, _parse: object) -> tuple[str, Any]:
        return path, form


NOTED: Any = _Noted()


def posts(sort: str, limit: int, after: str | None = None) -> Any:
    return endpoints.posts(
        NOTED, name="python", sort=sort, time_filter="week", after=after, limit=limit
    )


@pytest.mark.parametrize(
    ("request_", "path", "params"),
    [
        (posts("new", 5), "/r/python/new", {"limit": 5}),
        (posts("hot", 100, "t3_a"), "/r/python/hot", {"limit": 100, "after": "t3_a"}),
        (posts("top", 101), "/r/python/top", {"limit": 100, "t": "week"}),
        (posts("controversial", 99), "/r/python/controversial", {"limit": 99, "t": "week"}),
        (
            endpoints.comments(NOTED, name="python", after="t1_a"),
            "/r/python/comments",
            {"limit": 100, "after": "t1_a"},
        ),
        (
            endpoints.tree(NOTED, post_id="abc", max_depth=7),
            "/comments/abc",
            {"limit": 500, "depth": 7},
        ),
        (
            endpoints.thread(NOTED, post_id="abc", comment_id="def", depth=2, max_depth=5),
            "/comments/abc/_/def",
            {"limit": 500, "depth": 5},
        ),
        (
            endpoints.more_children(NOTED, post_id="abc", comment_ids=["d", "e"]),
            "/api/morechildren",
            {"api_type": "json", "link_id": "t3_abc", "children": "d,e"},
        ),
        (endpoints.account(NOTED, name="ada"), "/user/ada/about", {}),
        (
            endpoints.history(NOTED, name="ada"),
            "/user/ada/overview",
            {"limit": 100, "sort": "new"},
        ),
        (endpoints.info(NOTED, names=["t3_a", "t1_b"]), "/api/info", {"id": "t3_a,t1_b"}),
        (
            endpoints.subreddits_named(NOTED, names=["rust", "go"]),
            "/api/info",
            {"sr_name": "rust,go"},
        ),
        (endpoints.about(NOTED, name="python"), "/r/python/about", {}),
    ],
)
def test_a_request_has_its_path_and_parameters(
    request_: Any, path: str, params: dict[str, Any]
) -> None:
    assert request_ == (path, params)
