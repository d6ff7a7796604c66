"""The kinds of wrong replies that each endpoint can give.

The kinds cover every entry of the table with which the crawler interprets replies. Some kinds
remove items from a good reply, if the crawler can detect the loss from a later reply. No kind
removes items from an author's history, because the author may have hidden the missing items.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import flask

from reddit_sandbox import answers, broken_parts, spoilt_replies

Spoil = Callable[[flask.Response], flask.Response]

_CAPTCHA = "<!doctype html><html><body><h1>Prove your humanity</h1></body></html>"
_PROXY = "upstream connect error or disconnect/reset before headers"


class Kind(NamedTuple):
    """A kind of wrong reply. `make` returns the reply, or `spoil` corrupts the page's good reply.

    `is_own_word` is true if Reddit itself could send the same reply truthfully, for example the
    reply that a community is private.
    """

    name: str
    make: Callable[[], flask.Response] = lambda: answers.error(500)
    spoil: Spoil | None = None
    is_own_word: bool = False


def _json(value: Any, status: int = 200) -> Callable[[], flask.Response]:
    return lambda: answers.data(value, status)


def _error(status: int, reason: str | None = None) -> Callable[[], flask.Response]:
    return lambda: answers.error(status, reason)


def _page(status: int) -> Callable[[], flask.Response]:
    return lambda: answers.page(status)


def _bare(status: int) -> Callable[[], flask.Response]:
    return lambda: answers.gateway_error(status)


def _text(status: int) -> Callable[[], flask.Response]:
    return lambda: answers.reply(_PROXY, status, "text/plain")


def _moved(location: str) -> Callable[[], flask.Response]:
    return lambda: answers.redirect(location)


_ANY_PAGE = (
    # Replies of a proxy, or of a server in front of Reddit.
    Kind("block page", _page(403)),
    Kind("page not found", _page(404)),
    Kind("login page", _moved("/login?to=/")),
    Kind("moved", _moved("/")),
    Kind("captcha", lambda: answers.reply(_CAPTCHA, 200, answers.HTML_TYPE)),
    Kind("text", _text(200)),
    Kind("text 403", _text(403)),
    Kind("no content", _bare(204)),
    Kind("empty", _bare(200)),
    Kind("bare 403", _bare(403)),
    Kind("bare 404", _bare(404)),
    Kind("gateway 403", _json({"message": "Forbidden"}, 403)),
    Kind("scope 403", _json({"error": "insufficient_scope"}, 403)),
    Kind("403 without a reason", _error(403)),
    # Replies in another form than the crawler expects.
    Kind("null", _json(None)),
    Kind("list", _json([])),
    Kind("number", _json({"kind": "Listing", "data": 5})),
    Kind("children null", lambda: answers.data(broken_parts.without_children())),
    Kind("no children", _json({"kind": "Listing", "data": {}})),
    Kind("error with status 200", _json({"message": "Internal Server Error", "error": 500})),
    Kind("cut", spoil=spoilt_replies.cut),
    Kind("broken off", spoil=spoilt_replies.broken_off),
    Kind("mislabelled", spoil=spoilt_replies.mislabelled),
    # Refused tokens, rate limits and failing servers.
    Kind("token refused", answers.unauthorized),
    Kind("too many requests", lambda: answers.reply("", 429)),
    Kind("too many requests with a time", answers.too_many_requests),
    Kind("timeout", _bare(408)),
    Kind("500", _error(500)),
    Kind("502", _bare(502)),
    Kind("503", _page(503)),
    Kind("504", _bare(504)),
    Kind("520", _page(520)),
)
# Replies that refuse the request as invalid.
_REFUSALS = (
    Kind("bad request", _error(400), is_own_word=True),
    Kind("bad request page", _page(400)),
    Kind("unprocessable", _error(422), is_own_word=True),
    Kind("too large", _error(413)),
    Kind("uri too long", answers.uri_too_long),
)
_NOT_FOUND = Kind("not found", _error(404), is_own_word=True)
_GONE = Kind("gone", _error(410), is_own_word=True)
_LEGAL = Kind("legal", _error(451), is_own_word=True)
_ACCESS = (
    Kind("private", _error(403, "private"), is_own_word=True),
    Kind("quarantined", _error(403, "quarantined"), is_own_word=True),
    Kind("gated", _error(403, "gated"), is_own_word=True),
    Kind("banned", _error(404, "banned"), is_own_word=True),
    _LEGAL,
)
_COMMUNITY = (
    *(*_ANY_PAGE, *_REFUSALS, *_ACCESS, _NOT_FOUND, _GONE),
    Kind("search", _moved("/subreddits/search?q=x"), is_own_word=True),
    Kind("renamed", _moved("/r/pottery/about"), is_own_word=True),
)
_LISTING = (
    *_COMMUNITY,
    Kind("half listing", spoil=spoilt_replies.half_listing, is_own_word=True),
    Kind("empty listing", spoil=spoilt_replies.empty_listing, is_own_word=True),
)
_ITEM = (*_ANY_PAGE, *_REFUSALS, *_ACCESS, _NOT_FOUND, _GONE)
_AUTHOR = (*_ANY_PAGE, *_REFUSALS, _NOT_FOUND, _GONE, _LEGAL)

_OF_PAGES: dict[str, tuple[Kind, ...]] = {
    "about": _COMMUNITY,
    "posts": _LISTING,
    "comments": _LISTING,
    "tree": (
        *_ITEM,
        Kind("tree without comments", spoil=spoilt_replies.tree_without_list),
        Kind("empty tree", spoil=spoilt_replies.empty_tree, is_own_word=True),
    ),
    "more_children": (
        *_ITEM,
        Kind("without things", spoil=spoilt_replies.without_things),
        Kind("no more comments", spoil=spoilt_replies.no_more_comments, is_own_word=True),
    ),
    "history": _AUTHOR,
    "account": _AUTHOR,
    "info": (
        *(*_ANY_PAGE, *_REFUSALS),
        Kind("no items", spoil=spoilt_replies.empty_listing, is_own_word=True),
    ),
}
# The reply to another request, as a faulty cache sends it.
_ANOTHER_SUBJECT = Kind("another subject", spoil=spoilt_replies.another_subject)

KINDS: dict[str, tuple[Kind, ...]] = {
    **{endpoint: (*kinds, _ANOTHER_SUBJECT) for endpoint, kinds in _OF_PAGES.items()},
    "token": (*_ANY_PAGE, *_REFUSALS),
}

_ENDPOINTS = (
    ("token", re.compile(r"/api/v1/")),
    ("more_children", re.compile(r"/api/morechildren$")),
    ("account", re.compile(r"/user/[^/]+/about$")),
    ("history", re.compile(r"/user/")),
    ("tree", re.compile(r"(/r/[^/]+)?/comments/")),
    ("about", re.compile(r"/r/[^/]+/about$")),
    ("comments", re.compile(r"/r/[^/]+/comments$")),
    ("posts", re.compile(r"/r/")),
)


def endpoint_of(path: str) -> str:
    """Return the endpoint of a path: a key of KINDS."""
    return next((name for name, form in _ENDPOINTS if form.match(path)), "info")
