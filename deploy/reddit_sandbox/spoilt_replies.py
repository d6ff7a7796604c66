"""Corrupt a good reply: truncate it, change its type, or remove or change its items."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import flask

from reddit_sandbox import answers

_OF_ITEM = {"subreddit": "AnotherClub", "author": "another_author"}
_OTHER_SUBJECT: dict[str, dict[str, str]] = {
    "t1": _OF_ITEM,
    "t2": {"name": "another_author"},
    "t3": _OF_ITEM,
    "t5": {"display_name": "AnotherClub"},
}
# Maps a kind of Reddit object to its fields that contain an id or a full name.
_IDS = {
    "t1": ("id", "name", "link_id", "parent_id"),
    "t3": ("id", "name"),
    "t5": ("name",),
    "more": ("parent_id",),
}


def cut(response: flask.Response) -> flask.Response:
    """Truncate the JSON, but send a complete HTTP reply."""
    body = response.get_data()
    response.set_data(body[: len(body) * 2 // 3])
    return response


def broken_off(response: flask.Response) -> flask.Response:
    """Send half of the announced body, then close the connection."""
    body = response.get_data()
    response.response = half_of(body, flask.request.environ.get("gunicorn.socket"))
    response.headers["content-length"] = str(len(body))
    return response


def half_of(body: bytes, connection: object) -> Iterator[bytes]:
    yield body[: len(body) // 2]
    shutdown = getattr(connection, "shutdown", None)
    if shutdown:
        shutdown(2)


def mislabelled(response: flask.Response) -> flask.Response:
    response.content_type = answers.HTML_TYPE
    return response


def half_listing(response: flask.Response) -> flask.Response:
    """Keep only the first half of the items, as if the listing ended there."""
    return _changed(response, _halve)


def empty_listing(response: flask.Response) -> flask.Response:
    return _changed(response, _empty)


def empty_tree(response: flask.Response) -> flask.Response:
    """Remove all comments and stubs of a post."""
    return _changed(response, lambda reply: _empty(reply[1]))


def tree_without_list(response: flask.Response) -> flask.Response:
    """Set the list of comments to null. A tree reply has two listings: the post, and its comments.

    The function changes the children of the second listing.
    """
    return _changed(response, lambda reply: reply[1]["data"].update(children=None))


def no_more_comments(response: flask.Response) -> flask.Response:
    """Remove all comments from a reply of /api/morechildren."""
    return _changed(response, lambda reply: reply["json"]["data"].update(things=[]))


def without_things(response: flask.Response) -> flask.Response:
    return _changed(response, lambda reply: reply["json"]["data"].update(things=None))


def another_subject(response: flask.Response) -> flask.Response:
    """Change community, item and author, as if a cache returned the reply to another request."""
    return _changed(response, _move_things)


def _changed(response: flask.Response, change: Callable[[Any], object]) -> flask.Response:
    reply = json.loads(response.get_data())
    change(reply)
    response.set_data(json.dumps(reply))
    return response


def _halve(listing: Any) -> None:
    found = listing["data"]
    found.update(children=found["children"][: len(found["children"]) // 2], after=None)


def _empty(listing: Any) -> None:
    listing["data"].update(children=[], after=None)


def _move_things(value: Any) -> None:
    """Give each object another community, author and id. The new ids start with `z`."""
    pending = [value]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            pending += value.values()
            if isinstance(value.get("data"), dict) and value.get("kind") != "Listing":
                _move(value["kind"], value["data"])
        elif isinstance(value, list):
            pending += value


def _move(kind: str, data: dict[str, Any]) -> None:
    for field, other in _OTHER_SUBJECT.get(kind, {}).items():
        if field in data:
            data[field] = other
    for field in _IDS.get(kind, ()):
        if isinstance(data.get(field), str):
            prefix, _, item_id = data[field].rpartition("_")
            data[field] = f"{prefix}_z{item_id[1:]}".removeprefix("_")
