"""A table with the meaning of every reply that Reddit can send.

A cell of the table is an endpoint, a status, a content type and the shape of a body. The meaning of
a cell concerns the requested page or the connection to Reddit, or it is `unknown`. An `unknown`
reply never changes the stored state of a community (a subreddit or a profile).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from itertools import product
from types import MappingProxyType
from typing import NamedTuple


class Endpoint(StrEnum):
    """The kind of Reddit page that was requested."""

    ABOUT = "about"  # the description of a community
    POSTS = "posts"
    COMMENTS = "comments"  # the listing of a community's newest comments
    TREE = "tree"
    MORE_CHILDREN = "more_children"
    HISTORY = "history"  # the listing of an author's newest posts and comments
    ACCOUNT = "account"  # the description of an author
    INFO = "info"  # several items by their full names, or several communities by their names
    PROBE = "probe"  # a page that Reddit returns to every client that it accepts
    TOKEN = "token"  # noqa: S105 - the page that issues access tokens


class Status(StrEnum):
    """The HTTP status of a reply. A redirect (3xx) is distinguished by its target."""

    OK = "200"
    OTHER_2XX = "other 2xx"
    TO_SEARCH = "3xx to the search page"
    TO_COMMUNITY = "3xx to a community"
    OTHER_3XX = "other 3xx"
    BAD_REQUEST = "400"
    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    NOT_FOUND = "404, 410"
    TIMEOUT = "408, 425"
    TOO_LARGE = "413, 414, 431"
    THROTTLED = "429"
    LEGAL = "451"
    OTHER_4XX = "other 4xx"
    TROUBLE = "5xx"
    OTHER = "any other"


class ContentType(StrEnum):
    JSON = "JSON"
    HTML = "HTML"
    NONE = "none"
    OTHER = "other"


class Shape(StrEnum):
    """The shape of a reply's body. The first six shapes are error documents of Reddit itself."""

    PRIVATE = "reason private or gold_only"
    QUARANTINED = "reason quarantined"
    GATED = "reason gated"
    BANNED = "reason banned"
    OTHER_REASON = "another reason"
    ERROR = "error without a reason"
    OTHER_JSON = "other JSON"
    HTML = "HTML"
    EMPTY = "empty"
    OTHER = "other"


class Meaning(StrEnum):
    """The meaning of a reply."""

    READ = "read"  # the reply contains the requested items, if its JSON is as expected
    # Meanings about the community.
    PRIVATE = "private"
    QUARANTINED = "quarantined"
    GATED = "gated"
    BANNED = "banned"
    NOT_FOUND = "not_found"
    REDIRECTED = "redirected"
    LEGAL = "legal"
    # Meanings about an item, an author or another part of the crawl.
    ITEM_GONE = "item_gone"
    AUTHOR_GONE = "author_gone"
    # The author may be suspended. The description of the account must confirm the suspension.
    AUTHOR_REFUSED = "author_refused"
    PART_REFUSED = "part_refused"
    # Meanings about the connection or the request.
    REQUEST_TOO_LARGE = "request_too_large"
    TOKEN_STALE = "token_stale"  # noqa: S105 - no secret
    CREDENTIALS_REFUSED = "credentials_refused"
    CLIENT_REFUSED = "client_refused"
    THROTTLED = "throttled"
    OUTAGE = "outage"
    # No rule of this module matches the reply.
    UNKNOWN = "unknown"


class Cell(NamedTuple):
    endpoint: Endpoint
    status: Status
    content_type: ContentType
    shape: Shape


class Rule(NamedTuple):
    """Gives one meaning to all matching cells. A field with an empty tuple matches all values."""

    endpoints: tuple[Endpoint, ...]
    statuses: tuple[Status, ...]
    content_types: tuple[ContentType, ...]
    shapes: tuple[Shape, ...]
    meaning: Meaning


_E, _S, _T, _B, _M = Endpoint, Status, ContentType, Shape, Meaning

_COMMUNITY = (_E.ABOUT, _E.POSTS, _E.COMMENTS)
_ITEM = (_E.TREE, _E.MORE_CHILDREN)
_OF_COMMUNITY = (*_COMMUNITY, *_ITEM)  # their replies may mean that the community is banned
_AUTHOR = (_E.HISTORY, _E.ACCOUNT)
_CONTENT = (*_OF_COMMUNITY, *_AUTHOR, _E.INFO)
_LONG = (_E.COMMENTS, *_ITEM, _E.HISTORY, _E.INFO)  # requests that Reddit may refuse as too large

# Content types of Reddit's own error replies. An HTML error page may come from a proxy.
_OWN = (_T.JSON, _T.NONE)
_JSON = (
    *(_B.PRIVATE, _B.QUARANTINED, _B.GATED, _B.BANNED),
    *(_B.OTHER_REASON, _B.ERROR, _B.OTHER_JSON),
)
_REDDIT_ERROR = (*_JSON[:-1],)
_NOT_FOUND = (_B.OTHER_REASON, _B.ERROR)

# The first rule that matches a cell of the table gives the meaning of the cell. If no rule matches,
# the meaning is UNKNOWN.
RULES: tuple[Rule, ...] = (
    Rule((), (_S.THROTTLED,), (), (), _M.THROTTLED),
    Rule((), (_S.TROUBLE, _S.TIMEOUT), (), (), _M.OUTAGE),
    Rule((_E.PROBE,), (_S.OK,), (), _REDDIT_ERROR, _M.CLIENT_REFUSED),
    Rule((), (_S.OK,), (), _JSON, _M.READ),
    Rule((), (_S.OK,), (_T.JSON, _T.NONE, _T.OTHER), (_B.EMPTY, _B.OTHER), _M.OUTAGE),
    Rule((), (_S.OTHER_2XX,), _OWN, (), _M.OUTAGE),
    Rule((_E.TOKEN,), (_S.UNAUTHORIZED,), (), (), _M.CREDENTIALS_REFUSED),
    # A token endpoint refuses credentials only by status 400 or 401 (RFC 6749, section 5.2).
    Rule((_E.TOKEN,), (_S.BAD_REQUEST,), _OWN, _JSON, _M.CREDENTIALS_REFUSED),
    Rule((_E.TOKEN,), (_S.FORBIDDEN,), (), (), _M.CLIENT_REFUSED),
    Rule((), (_S.UNAUTHORIZED,), (), (), _M.TOKEN_STALE),
    Rule((_E.PROBE,), (), (), (), _M.CLIENT_REFUSED),
    Rule(_COMMUNITY, (_S.TO_SEARCH,), (), (), _M.NOT_FOUND),
    Rule(_COMMUNITY, (_S.TO_COMMUNITY,), (), (), _M.REDIRECTED),
    Rule(_OF_COMMUNITY, (_S.FORBIDDEN,), _OWN, (_B.PRIVATE,), _M.PRIVATE),
    Rule(_OF_COMMUNITY, (_S.FORBIDDEN,), _OWN, (_B.QUARANTINED,), _M.QUARANTINED),
    Rule(_OF_COMMUNITY, (_S.FORBIDDEN,), _OWN, (_B.GATED,), _M.GATED),
    Rule(_OF_COMMUNITY, (_S.NOT_FOUND,), _OWN, (_B.BANNED,), _M.BANNED),
    Rule(_COMMUNITY, (_S.NOT_FOUND,), _OWN, _NOT_FOUND, _M.NOT_FOUND),
    Rule(_OF_COMMUNITY, (_S.LEGAL,), _OWN, _REDDIT_ERROR, _M.LEGAL),
    Rule(_OF_COMMUNITY, (_S.LEGAL,), (_T.JSON,), (_B.EMPTY,), _M.LEGAL),
    Rule(_ITEM, (_S.NOT_FOUND,), _OWN, _NOT_FOUND, _M.ITEM_GONE),
    Rule(_AUTHOR, (_S.NOT_FOUND,), _OWN, _NOT_FOUND, _M.AUTHOR_GONE),
    Rule(_AUTHOR, (_S.LEGAL,), _OWN, _REDDIT_ERROR, _M.AUTHOR_GONE),
    Rule((_E.HISTORY,), (_S.FORBIDDEN,), _OWN, (_B.ERROR,), _M.AUTHOR_REFUSED),
    Rule(_LONG, (_S.TOO_LARGE,), (), (), _M.REQUEST_TOO_LARGE),
    Rule(_CONTENT, (_S.BAD_REQUEST, _S.OTHER_4XX), _OWN, _REDDIT_ERROR, _M.PART_REFUSED),
)


def _cells(rule: Rule) -> Iterable[Cell]:
    return (
        Cell(*values)
        for values in product(
            rule.endpoints or Endpoint,
            rule.statuses or Status,
            rule.content_types or ContentType,
            rule.shapes or Shape,
        )
    )


def _table() -> dict[Cell, Meaning]:
    table = {Cell(*cell): _M.UNKNOWN for cell in product(Endpoint, Status, ContentType, Shape)}
    for rule in reversed(RULES):
        table.update((cell, rule.meaning) for cell in _cells(rule))
    return table


TABLE: Mapping[Cell, Meaning] = MappingProxyType(_table())
