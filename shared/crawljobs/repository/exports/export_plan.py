"""The kinds of exports, the order of their rows, and the key after which an export continues."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

INT8_MAX = 2**63 - 1
EARLIEST = datetime.min.replace(tzinfo=UTC)
_NUMBER = re.compile(r"[0-9]{1,19}")
_SECONDS = re.compile(r"[0-9]{1,11}")
_ITEM_ID = re.compile(r"[0-9a-z]{1,13}")

Key = tuple[datetime | int | str, ...]


class ExportKind(StrEnum):
    """What the rows of an export are, for example posts or authors."""

    POSTS = "posts"
    COMMENTS = "comments"
    AUTHORS = "authors"
    SUBREDDITS = "subreddits"
    EDGES = "edges"
    LINKS = "links"
    MAP_NODES = "map_nodes"  # the nodes of a graph whose edges are links


class ExportShape(StrEnum):
    """The fields of an export: the fields of crawljobs, or the fields of Reddit's own objects."""

    FLAT = "flat"
    REDDIT = "reddit"


class ExportOrder(StrEnum):
    """The key by which the rows of an export are sorted."""

    # The first four orders are for posts or comments.
    WHOLE = "whole"  # all items: subreddit_id, created_at, id
    SPAN = "span"  # items that were created in a span of time: subreddit_id, created_at, id
    SUBREDDIT = "subreddit"  # items of one subreddit: created_at, id
    UPDATED = "updated"  # items that changed in a span of time: updated_at, id
    ID = "id"  # authors or subreddits: id
    EDGE = "edge"  # activity of authors in all subreddits: author_id, subreddit_id
    SUBREDDIT_EDGE = "subreddit_edge"  # activity of authors in one subreddit: author_id
    LINK = "link"  # links between two subreddits: a_id, b_id
    NODE = "node"  # nodes of the map: id of the subreddit


ITEMS = frozenset({ExportKind.POSTS, ExportKind.COMMENTS})
_ORDERS = {ExportKind.LINKS: ExportOrder.LINK, ExportKind.MAP_NODES: ExportOrder.NODE}
OF_ALL_SUBREDDITS = frozenset({ExportOrder.WHOLE, ExportOrder.SPAN})
# For each order, the names of the fields that form the key of a line.
KEY_FIELDS = {
    ExportOrder.WHOLE: ("subreddit", "created_at", "id"),
    ExportOrder.SPAN: ("subreddit", "created_at", "id"),
    ExportOrder.SUBREDDIT: ("created_at", "id"),
    ExportOrder.UPDATED: ("updated_at", "id"),
    ExportOrder.ID: ("id",),
    ExportOrder.EDGE: ("author_id", "subreddit_id"),
    ExportOrder.SUBREDDIT_EDGE: ("author_id",),
    ExportOrder.LINK: ("a_id", "b_id"),
    ExportOrder.NODE: ("id",),
}


@dataclass(frozen=True)
class ExportPlan:
    """The rows and the fields of an export.

    - `subreddit_id`: only rows of this subreddit; None: rows of all subreddits.
    - `since`: only items that were created at this time or later.
    - `until`: only items that were created before this time.
    - `updated_since`: only items that changed at this time or later.
    - `updated_until`: only items that changed before this time.
    - `pseudonymous`: without fields that identify an author, and without profiles (`u_`). The code
      that writes the lines replaces the author's name by a pseudonym.
    - `bodies`: false leaves out the texts of posts and comments.
    - `min_shared`: only links with at least this number of shared authors.
    """

    kind: ExportKind
    shape: ExportShape = ExportShape.FLAT
    subreddit_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    updated_since: datetime | None = None
    updated_until: datetime | None = None
    pseudonymous: bool = False
    bodies: bool = True
    min_shared: int = 1

    @property
    def order(self) -> ExportOrder:
        if self.kind is ExportKind.EDGES:
            is_whole = self.subreddit_id is None
            return ExportOrder.EDGE if is_whole else ExportOrder.SUBREDDIT_EDGE
        if self.kind not in ITEMS:
            return _ORDERS.get(self.kind, ExportOrder.ID)
        if self.updated_since is not None:
            return ExportOrder.UPDATED
        if self.subreddit_id is not None:
            return ExportOrder.SUBREDDIT
        return ExportOrder.WHOLE if self.since is self.until is None else ExportOrder.SPAN

    @property
    def first(self) -> Key:
        """Return a key that is before the first row of the export."""
        if self.order is ExportOrder.UPDATED:
            return (self.updated_since or EARLIEST, "")
        if self.kind in ITEMS:
            begin = (self.since or EARLIEST, "")
            return begin if self.order is ExportOrder.SUBREDDIT else (0, *begin)
        return (0,) * len(KEY_FIELDS[self.order])

    def begin(self, after: Key) -> Key:
        """Return the key after which the rows begin. The client already has the rows up to `after`.

        If `after` is before `since`, the rows begin at `since`.
        """
        if self.order is ExportOrder.SPAN and after[1:] < self.first[1:]:
            return (after[0], *self.first[1:])
        return max(after, self.first)


def read_key(
    order: ExportOrder, written: str, *, find_subreddit: Callable[[str], int | None]
) -> Key:
    """Return the key of a line. `written` has the values of the key's fields.

    The values are in the order of KEY_FIELDS[order] and are joined by commas. A time is in RFC 3339
    format, or a number of seconds since 1970. `find_subreddit` returns the id of the subreddit with
    a name, or None. Raises ValueError if `written` is no key.
    """
    names = KEY_FIELDS[order]
    parts = written.split(",")
    if len(parts) != len(names):
        raise ValueError(f"expected {','.join(names)} of the last complete line")
    if not names[-2:][0].endswith("_at"):
        return tuple(_number(name, part) for name, part in zip(names, parts, strict=True))
    if not _ITEM_ID.fullmatch(parts[-1]):
        raise ValueError("id: expected the base-36 id of an item, without t3_ or t1_")
    key = (_time(names[-2], parts[-2]), parts[-1])
    if order not in OF_ALL_SUBREDDITS:
        return key
    subreddit_id = find_subreddit(parts[0])
    if subreddit_id is None:
        raise ValueError("subreddit: expected the name of a stored subreddit")
    return (subreddit_id, *key)


def _number(name: str, part: str) -> int:
    if not _NUMBER.fullmatch(part) or int(part) > INT8_MAX:
        raise ValueError(f"{name}: expected a number from 0 to 2^63 - 1")
    return int(part)


def _time(name: str, part: str) -> datetime:
    try:
        if _SECONDS.fullmatch(part):
            return datetime.fromtimestamp(int(part), UTC)
        # A `+` that was not encoded arrives as a blank.
        found = datetime.fromisoformat(part.replace(" ", "+"))
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise ValueError(f"{name}: expected a time with an offset, or a number of seconds since 1970")
