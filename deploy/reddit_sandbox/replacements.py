"""Replacements: replies that tests or the demo configure in place of the sandbox's own replies."""

import collections
import threading
from typing import Any

import flask

from reddit_sandbox import answers, broken_parts

MOST = 100  # the limit of replacements; a further replacement removes the oldest
PATH_MAX = 500  # the maximum length of a replaced path, in characters
# Reddit's reasons to refuse access to a community. Each reason is also the name of a body, see
# BODIES. For example, the body `private` is the reply in which Reddit refuses access to a private
# community.
REASONS = ("private", "quarantined", "gated", "banned")
# The names of the bodies that a replacement can have.
BODIES = (
    *("json", "html", "empty", "null", "children_null", "cut_off", "scope", "gateway"),
    *("search", "portal", *REASONS),
)


class Replacements:
    """Holds the replacements, at most one for each path. Thread-safe.

    A path matches a request if the request's path and query start with the path. If several paths
    match a request, the replacement for the longest of these paths applies.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_path: collections.OrderedDict[str, dict[str, Any]] = collections.OrderedDict()

    def put(self, path: str, *, status: int, body: str, times: int | None) -> None:
        """Replace the next `times` replies to `path`.

        If `times` is None, all replies to `path` are replaced until `take_away` is called.

        If there are more than MOST replacements, the oldest replacement is removed.
        """
        with self._lock:
            self._by_path[path] = {"path": path, "status": status, "body": body, "times": times}
            self._by_path.move_to_end(path)
            if len(self._by_path) > MOST:
                self._by_path.popitem(last=False)

    def take_away(self, path: str) -> None:
        with self._lock:
            self._by_path.pop(path, None)

    def all(self) -> list[dict[str, Any]]:
        with self._lock:
            return [dict(each) for each in self._by_path.values()]

    def reply(self) -> flask.Response | None:
        """Return the replacement of the reply to the current request, or None if there is none.

        Each call counts as one use of the replacement. After `times` uses, the replacement is
        removed.
        """
        if not self._by_path:
            return None
        asked = flask.request.full_path.removesuffix("?")
        with self._lock:
            fits = [path for path in self._by_path if asked.lower().startswith(path.lower())]
            if not fits:
                return None
            found = self._by_path[max(fits, key=len)]
            if found["times"] is not None:
                found["times"] -= 1
                if found["times"] <= 0:
                    del self._by_path[found["path"]]
        return _reply(found["status"], found["body"])


def _reply(status: int, body: str) -> flask.Response:
    match body:
        case "html":
            return answers.page(status)
        case "empty":
            return answers.gateway_error(status)
        case "null":
            return answers.reply("null", status)
        case "children_null":
            return answers.data(broken_parts.without_children(), status)
        case "cut_off":
            return answers.reply('{"kind": "Listing", "data": {"children": [{"ki', status)
        case "scope":
            return answers.data({"error": "insufficient_scope"}, status)
        case "gateway":
            return answers.data({"message": answers.phrase(status)}, status)
        case "search":
            return answers.redirect("/subreddits/search?q=x")
        case "portal":
            return answers.redirect("/login?to=/subreddits/search")
    return answers.error(status, body if body in REASONS else None)
