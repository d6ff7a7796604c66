"""A simulated Reddit with one subreddit, over real HTTP. A test can replace each reply.

It sends the given posts and comments in pages, whole comment trees, and empty histories. The
attribute `answers` maps the start of a path to a reply that is sent instead.
"""

import contextlib
import json
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any

from support import scripted_server
from support.scripted_server import Exchange

# The headers of a large request budget, so that no request waits for a slot.
QUICK = {"x-ratelimit-used": "1", "x-ratelimit-remaining": "9999999.0", "x-ratelimit-reset": "9"}
HTML = b"<html><body><h1>400 Bad request</h1></body></html>"
CREATED = 1_700_000_000.0
ABOUT = {
    "kind": "t5",
    "data": {"display_name": "python", "subreddit_type": "public", "name": "t5_1"},
}

Query = dict[str, str]
# Returns the status and body for a query (for a POST: its form). A body of bytes is sent unchanged.
Answer = Callable[[Query], tuple[int, Any]]


def always(status: int, body: Any) -> Answer:
    return lambda _query: (status, body)


def server_error(_query: Query) -> tuple[int, Any]:
    return 500, {"message": "Internal Server Error", "error": 500}


def html_page(_query: Query) -> tuple[int, Any]:
    return 200, HTML


def listing(*children: Any, after: str | None = None) -> dict[str, Any]:
    return {"kind": "Listing", "data": {"children": list(children), "after": after}}


def post(item_id: str, **changes: Any) -> dict[str, Any]:
    data = {
        "id": item_id, "subreddit": "python", "author": "ada", "title": "A title",
        "selftext": "A body", "score": 1, "num_comments": 0, "edited": False,
        "created_utc": CREATED + int(item_id, 36) % 100_000,
    }  # fmt: skip
    return {"kind": "t3", "data": {**data, **changes}}


def comment(item_id: str, post_id: str = "p1", **changes: Any) -> dict[str, Any]:
    data = {
        "id": item_id, "link_id": f"t3_{post_id}", "parent_id": f"t3_{post_id}",
        "subreddit": "python", "author": "ada", "body": "text", "score": 1, "edited": False,
        "created_utc": CREATED + int(item_id, 36) % 100_000, "replies": "",
    }  # fmt: skip
    return {"kind": "t1", "data": {**data, **changes}}


def more(*children: str, parent: str = "t3_p1", count: int | None = None, depth: int = 0) -> Any:
    first = children[0] if children else "_"
    data = {
        "id": first, "name": f"t1_{first}", "parent_id": parent, "depth": depth,
        "children": list(children), "count": len(children) if count is None else count,
    }  # fmt: skip
    return {"kind": "more", "data": data}


class ScriptedReddit:
    """Simulates r/python. `posts` and `comments` are Reddit's objects, the newest first."""

    def __init__(self, posts: list[Any] | None = None, comments: list[Any] | None = None) -> None:
        self.posts = posts if posts is not None else [post("p1")]
        self.comments = comments or []
        self.trees: dict[str, list[Any]] = {}  # by post: comments that only its tree has
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []  # requested paths, with the cursor of a page

    def count(self, prefix: str) -> int:
        return sum(path.startswith(prefix) for path in self.asked)

    def __call__(self, it: Exchange) -> None:
        path, _, raw = it.path.partition("?")
        if path.startswith("/api/v1/access_token"):
            it.send(200, b'{"access_token": "t", "expires_in": 86400}')
            return
        sent = it.body.decode() if it.command == "POST" else raw
        query = {name: values[0] for name, values in urllib.parse.parse_qs(sent).items()}
        after = query.get("after")
        self.asked.append(path if after is None else f"{path}?after={after}")
        longest = max(
            (prefix for prefix in self.answers if self.asked[-1].startswith(prefix)),
            key=len, default=None,
        )  # fmt: skip
        status, body = (self.answers[longest] if longest else self._own(path))(query)
        if isinstance(body, bytes):
            it.send(status, body, content_type="text/html", **QUICK)
        else:
            content = json.dumps(body).encode()
            it.send(status, content, content_type="application/json", **QUICK)

    def _own(self, path: str) -> Answer:
        if path.endswith("/about"):
            return always(200, ABOUT)
        if path == "/r/python/new":
            return lambda query: (200, page(self.posts, query))
        if path == "/r/python/comments":
            return lambda query: (200, page(self.comments, query))
        if path.startswith("/comments/"):
            return self._tree(path.split("/")[2])
        if path.startswith("/api/info"):
            return self._named
        if path.startswith("/api/morechildren"):
            return always(200, {"json": {"errors": [], "data": {"things": []}}})
        if path.startswith("/user/"):
            return always(200, listing())
        return always(404, {"message": "Not Found", "error": 404})

    @staticmethod
    def _named(query: Query) -> tuple[int, Any]:
        names = query.get("sr_name", "").lower().split(",")
        return 200, listing(*([ABOUT] if "python" in names else []))

    def _tree(self, post_id: str) -> Answer:
        found = [each for each in self.posts if each["data"]["id"] == post_id]
        of_post = [c for c in self.comments if c["data"]["link_id"] == f"t3_{post_id}"]
        return always(200, [listing(*found), listing(*of_post, *self.trees.get(post_id, []))])


def page(things: list[Any], query: Query) -> dict[str, Any]:
    """Return the page after the query's cursor, with the cursor of the next page."""
    names = [f"{thing['kind']}_{thing['data']['id']}" for thing in things]
    start = names.index(query["after"]) + 1 if query.get("after") in names else 0
    end = start + int(query.get("limit", "100"))
    return listing(*things[start:end], after=names[end - 1] if end < len(things) else None)


@contextlib.contextmanager
def serve(reddit: ScriptedReddit) -> Iterator[str]:
    with scripted_server.serve(reddit) as url:
        yield url
