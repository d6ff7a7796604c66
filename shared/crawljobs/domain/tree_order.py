"""The order of the comments of a post: each comment is followed by its replies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class TreeNode:
    """A comment of a tree. `parent_id` is the full name of the item above, such as t1_abc."""

    id: str
    parent_id: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PlacedComment:
    """A comment of an ordered tree. `depth` is the number of stored comments above it."""

    id: str
    depth: int


def in_tree_order(nodes: Iterable[TreeNode]) -> list[PlacedComment]:
    """Return all comments of a post, depth first. The replies to one item are sorted by age.

    Two kinds of comments have no place in the tree:

    - A comment whose parent is not among `nodes` has the depth 0, like a reply to the post.
    - Comments whose parents form a circle come last. The oldest of them has the depth 0.
    """
    by_age = sorted(nodes, key=lambda node: (node.created_at, node.id))
    ids = {node.id for node in by_age}
    replies: defaultdict[str, list[str]] = defaultdict(list)
    tops: list[str] = []
    for node in by_age:
        parent = node.parent_id.removeprefix("t1_")
        is_reply = node.parent_id.startswith("t1_") and parent in ids
        (replies[parent] if is_reply else tops).append(node.id)
    placed: dict[str, int] = {}
    for top in tops:
        _place(top, replies, placed)
    for node in by_age:  # only comments in a circle are left, and their replies
        _place(node.id, replies, placed)
    return [PlacedComment(comment_id, depth) for comment_id, depth in placed.items()]


def _place(top: str, replies: dict[str, list[str]], placed: dict[str, int]) -> None:
    """Add a comment and all comments below it to `placed`, with their depths."""
    waiting = [(top, 0)]
    while waiting:
        comment_id, depth = waiting.pop()
        if comment_id in placed:
            continue
        placed[comment_id] = depth
        waiting += [(reply, depth + 1) for reply in reversed(replies.get(comment_id, ()))]
