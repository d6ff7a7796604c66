"""Extends a comment tree by the comments of a reply, and finds the remaining requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace

from crawler_worker.crawl.checkpoints.seen_ids import Seen
from crawler_worker.crawl.tree import Stub, Thread, Tree
from crawljobs.domain.reddit_items import Comment, Items, MoreComments
from crawljobs.settings import CrawlSettings

# A prefix of ids in `Tree.handled`. A comment's id with this prefix means that the thread below the
# comment was requested.
OF_THREAD = "/"
COMMENT = "t1_"
# A request that lists the ids of comments returns these comments without the replies to them. Each
# comment then costs one further request for its replies. So the crawl requests the replies to at
# most this number of the returned comments.
SOUGHT_BELOW = 20


def grow(
    tree: Tree,
    items: Items,
    settings: CrawlSettings,
    *,
    requested: Sequence[str] = (),
    parents: Mapping[str, Thread] | None = None,
    without_replies: bool = False,
) -> tuple[tuple[Comment, ...], Tree]:
    """Add Reddit's reply to the tree. Return the comments that the tree lacked, and the new tree.

    - `requested`: the ids of the comments that the request named.
    - `parents`: maps some of these ids to a request for the thread below the comment's parent. If
      the reply lacks the comment, this request is added to the tree.
    - `without_replies`: Reddit returned only the requested comments, not the replies to them.

    After the first reply, the stubs of a reply without new comments are ignored. Otherwise the
    requests for a tree might never end.
    """
    growing = _Growing(tree, settings)
    kept = growing.take(items.comments)
    growing.miss(
        requested, brought={comment.id for comment in items.comments}, parents=parents or {}
    )
    if growing.has_new or tree.is_first:
        for stub in items.more:
            growing.follow(stub)
    if without_replies:
        growing.seek_below(kept)
    return kept, growing.tree_after()


class _Growing:
    """Adds one HTTP reply to a tree. The time of each call is linear in the arguments' size."""

    def __init__(self, tree: Tree, settings: CrawlSettings) -> None:
        self._tree = tree
        self._depth_max = settings.max_comment_depth
        self._room = settings.max_comments_per_post - tree.comments
        self._handled = Seen(tree.handled)
        self._comments, self._cut = tree.comments, tree.cut
        self._more, self._threads, self._stubs = [*tree.more], [*tree.threads], [*tree.stubs]
        self._unbrought = dict.fromkeys(tree.unbrought)
        self._pending = {*tree.more, *tree.unbrought}
        self.has_new = False

    def take(self, comments: Sequence[Comment]) -> tuple[Comment, ...]:
        by_id = {comment.id: comment for comment in comments}
        new = self._handled.new_of(by_id)
        self.has_new = bool(new)
        shallow = [by_id[each] for each in new if (by_id[each].depth or 0) < self._depth_max]
        kept = tuple(shallow[: max(0, self._room)])
        self._cut += len(new) - len(kept)
        self._comments += len(kept)
        self._room -= len(kept)
        self._handled.add(new)
        return kept

    def miss(
        self, requested: Sequence[str], *, brought: Set[str], parents: Mapping[str, Thread]
    ) -> None:
        for item_id in brought & self._unbrought.keys():
            del self._unbrought[item_id]
        missed = [item_id for item_id in requested if item_id not in brought]
        self._unbrought.update(dict.fromkeys(missed))
        for item_id in missed:
            if item_id in parents:
                self._ask_for(parents[item_id])

    def follow(self, stub: MoreComments) -> None:
        is_below_comment = stub.parent_id.startswith(COMMENT)
        thread = Thread(stub.parent_id.partition("_")[2], max(0, stub.depth - 1))
        children = [c for c in self._handled.new_of(stub.children) if c not in self._pending]
        if stub.children and not children:
            return  # all comments that the stub stands for are known
        room = self._room - len(self._more) - len(self._unbrought)
        if stub.depth >= self._depth_max or room <= len(self._threads):
            self._cut += max(stub.count, len(children), 1)
        elif not children and is_below_comment:
            self._ask_for(thread)
        elif not children:
            self._cut += stub.count
        else:
            self._cut += max(0, len(children) - room)
            self._pending.update(children[:room])
            if stub.count == 0 and is_below_comment:
                self._unbrought.update(dict.fromkeys(children[:room]))
                self._ask_for(thread)
            else:
                parent = thread.parent if is_below_comment else None
                self._more += children[:room]
                self._stubs.append(Stub(parent, thread.depth, len(children[:room])))

    def seek_below(self, comments: Sequence[Comment]) -> None:
        for comment in comments[:SOUGHT_BELOW]:
            depth = 1 if comment.parent_id.startswith(COMMENT) else 0
            if depth + 1 < self._depth_max:
                self._ask_for(Thread(comment.id, depth))
        # The replies to the remaining comments are not requested, and their number is not known. So
        # each remaining comment counts as one missing reply.
        self._cut += len(comments[SOUGHT_BELOW:])

    def _ask_for(self, thread: Thread) -> None:
        """Add a request for the replies of this thread, if no request for them was added before."""
        name = f"{OF_THREAD}{thread.parent}"
        if name not in self._handled:
            self._handled.add([name])
            self._threads.append(thread)

    def tree_after(self) -> Tree:
        tree = replace(
            self._tree,
            comments=self._comments,
            more=tuple(self._more),
            threads=tuple(self._threads),
            stubs=tuple(self._stubs),
            unbrought=tuple(self._unbrought),
            cut=self._cut,
            is_first=False,
        )
        return replace(tree, handled="" if tree.is_done else self._handled.text)
