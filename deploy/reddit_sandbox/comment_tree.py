"""Choose the comments of a post that a page shows. Stubs replace the other comments."""

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from reddit_sandbox import comment_shape, listing_pages
from reddit_sandbox.community import Comment, Community
from reddit_sandbox.item import Item
from reddit_sandbox.world import World

LIMIT = 200  # number of comments in a reply if the request has no limit
HIGHEST_LIMIT = 500  # a reply never has more comments, even if the request has a higher limit
DEEPEST = 10  # limit of the levels of a tree in a reply

_BY_SCORE: Callable[[Comment], float] = lambda each: -each.score  # noqa: E731
ORDERS: dict[str, Callable[[Comment], float]] = {
    "confidence": _BY_SCORE,
    "top": _BY_SCORE,
    "qa": _BY_SCORE,
    "random": lambda each: each.at * 2_654_435_761 % 1_000_003,
    "new": lambda each: -each.at,
    "live": lambda each: -each.at,
    "old": lambda each: each.at,
    "controversial": lambda each: abs(each.score),
}


class Tree:
    """The comments of one post, sorted by `order`. `answers` has the replies to each comment."""

    def __init__(self, world: World, home: Community, indexes: Iterable[int], order: str) -> None:
        self._world = world
        self._home = home
        self._key = ORDERS.get(order, _BY_SCORE)
        self.answers: dict[int, list[Comment]] = {}
        for index in indexes:
            each = home.comments[index]
            self.answers.setdefault(each.parent, []).append(each)
        for below in self.answers.values():
            below.sort(key=lambda each: (self._key(each), each.at))

    def shown(self, roots: Sequence[Comment], limit: int, depth: int) -> set[int]:
        """Return the indexes of the comments to show, at most `limit`: the first in `order`.

        A comment is shown only if all its ancestors are shown.
        """
        heap = [(self._key(each), each.number, 0) for each in roots]
        heapq.heapify(heap)
        found: set[int] = set()
        while heap and len(found) < limit:
            _, index, level = heapq.heappop(heap)
            found.add(index)
            if level + 1 < depth:
                for below in self.answers.get(index, ()):
                    heapq.heappush(heap, (self._key(below), below.number, level + 1))
        return found

    def nested(
        self, roots: Sequence[Comment], shown: set[int], depth: int, level: int = 0
    ) -> list[dict[str, Any]]:
        """Return the shown comments and the stubs. Each comment has its replies in `replies`."""
        children = []
        for each in roots:
            if each.number not in shown:
                continue
            node = self._node(each, level)
            below = self.answers.get(each.number, ())
            if below and level + 1 >= depth:
                stub = comment_shape.continue_thread(node["data"]["name"], level + 1)
                node["data"]["replies"] = listing_pages.wrap_replies([stub])
            elif below:
                inner = self.nested(below, shown, depth, level + 1)
                node["data"]["replies"] = listing_pages.wrap_replies(inner)
            children.append(node)
        return children + self._stub(roots, shown, level)

    def flat(
        self, roots: Sequence[Comment], shown: set[int], levels: Mapping[int, int], depth: int
    ) -> list[dict[str, Any]]:
        """Return the shown comments and the stubs in one list, each comment before its replies.

        Replies of /api/morechildren have this form.
        """
        things = []
        for each in roots:
            if each.number not in shown:
                continue
            level = levels[each.number]
            node = self._node(each, level)
            things.append(node)
            below = self.answers.get(each.number, [])
            if below and depth <= 1:
                things.append(comment_shape.continue_thread(node["data"]["name"], level + 1))
            elif below:
                deeper = {each.number: level + 1 for each in below}
                things += self.flat(below, shown, deeper, depth - 1)
                things += self._stub(below, shown, level + 1)
        return things

    def _node(self, each: Comment, level: int) -> dict[str, Any]:
        node = comment_shape.comment(self._world, Item(self._home, each))
        node["data"]["depth"] = level
        return node

    def _stub(self, roots: Sequence[Comment], shown: set[int], level: int) -> list[dict[str, Any]]:
        hidden = [each for each in roots if each.number not in shown]
        if not hidden:
            return []
        items = [Item(self._home, each) for each in hidden]
        parent = self.parent_name(hidden[0])
        ids = [item.fullname.removeprefix("t1_") for item in items]
        # In a community named stubs_*, a stub has the count 0.
        count = 0 if self._home.script == "stubs" else self.count(hidden)
        return [comment_shape.more(parent, level, ids, count)]

    def parent_name(self, each: Comment) -> str:
        home = self._home
        above = home.comments[each.parent] if each.parent >= 0 else home.posts[each.post]
        return Item(home, above).fullname

    def count(self, roots: Iterable[Comment]) -> int:
        """Return the number of these comments and of all comments below them."""
        waiting, total = list(roots), 0
        while waiting:
            total += 1
            waiting.extend(self.answers.get(waiting.pop().number, ()))
        return total
