"""The comment tree of one post: the fetched comments, and the requests that are still needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from crawler_worker.crawl.checkpoints.seen_ids import Seen
from crawljobs.domain.reddit_items import Comment, Items, MoreComments
from crawljobs.settings import CrawlSettings

# Prefix, in `Tree.handled`, of the id of a comment whose thread was requested.
OF_THREAD = "/"
COMMENT = "t1_"
# Maximum of threads to request below comments that were fetched by name; each costs a request.
SOUGHT_BELOW = 20


@dataclass(frozen=True, slots=True)
class Thread:
    """A request for the comments below `parent`, which is at `depth`."""

    parent: str
    depth: int


@dataclass(frozen=True, slots=True)
class Stub:
    """The parent of the next `size` ids in `Tree.more`; None for the post itself."""

    parent: str | None
    depth: int  # of the parent
    size: int


@dataclass(frozen=True, slots=True)
class Tree:
    """`comments` is the number of comments fetched; `more` are ids of comments to request."""

    post: str
    comments: int = 0
    more: tuple[str, ...] = ()
    threads: tuple[Thread, ...] = ()
    # The parents of `more`, in its order; empty in a checkpoint of an older release.
    stubs: tuple[Stub, ...] = ()
    reported: int | None = None  # number of comments, by Reddit's count
    handled: str = ""  # ids of fetched comments, and of requested threads; see Seen
    unbrought: tuple[str, ...] = ()  # ids that Reddit named but did not return yet
    cut: int = 0  # comments left out because of the settings, if Reddit reported their number
    is_first: bool = True  # before the first request
    is_looked_up: bool = False  # the unbrought ids were requested by name
    is_broken: bool = False  # a part of the tree was given up

    @property
    def is_done(self) -> bool:
        return not (self.more or self.threads or self.lookup)

    @property
    def lookup(self) -> tuple[str, ...]:
        """The unbrought ids that are still to be requested by name."""
        return () if self.is_looked_up else self.unbrought

    @property
    def missing(self) -> int:
        """Comments that are known to exist and were not stored."""
        return len(self.unbrought) + self.cut

    @property
    def is_short(self) -> bool:
        """Whether a finished tree has, with the named ids, less than half of the comments that
        Reddit reports.

        False when a part was given up, or the settings left out comments.
        """
        if not self.is_done or self.is_first or self.is_broken or self.cut:
            return False
        return 2 * (self.comments + len(self.unbrought)) < (self.reported or 0)

    def without_more(self, batch: Sequence[str]) -> Tree:
        """The tree without these first ids of `more`, after a request for them."""
        left, stubs = len(batch), list(self.stubs)
        while stubs and left > 0:
            first = stubs.pop(0)
            if first.size > left:
                stubs.insert(0, replace(first, size=first.size - left))
            left -= first.size
        return replace(self, more=self.more[len(batch) :], stubs=tuple(stubs))

    def broken(self, *, lost: Sequence[str] = ()) -> Tree:
        """The tree after a part was given up; `lost` are the first ids of `more` that it loses."""
        after = self.without_more(lost)
        unbrought = tuple(dict.fromkeys([*self.unbrought, *lost]))
        return replace(after, unbrought=unbrought, is_broken=True, is_looked_up=True)

    def parents(self, batch: Sequence[str]) -> dict[str, Thread]:
        """The parents of these first ids of `more`, as threads; ids below the post are omitted."""
        found: dict[str, Thread] = {}
        if sum(stub.size for stub in self.stubs) != len(self.more):
            return found
        at = 0
        for stub in self.stubs:
            for item_id in batch[at : at + stub.size]:
                if stub.parent is not None:
                    found[item_id] = Thread(stub.parent, stub.depth)
            at += stub.size
        return found


def read(saved: dict[str, Any] | None) -> Tree | None:
    """The tree of a saved value. Raises TypeError, KeyError or ValueError for a damaged one."""
    if saved is None:
        return None
    handled = str(saved.get("handled") or "")
    Seen(handled)
    reported = saved.get("reported")
    return Tree(
        post=str(saved["post"]),
        comments=int(saved["comments"]),
        more=tuple(str(comment) for comment in saved["more"]),
        threads=tuple(Thread(str(t["parent"]), int(t["depth"])) for t in saved["threads"]),
        stubs=tuple(
            Stub(None if s["parent"] is None else str(s["parent"]), int(s["depth"]), int(s["size"]))
            for s in saved.get("stubs") or ()
        ),
        reported=None if reported is None else int(reported),
        handled=handled,
        unbrought=tuple(str(comment) for comment in saved.get("unbrought") or ()),
        cut=int(saved.get("cut") or 0),
        is_first=saved.get("is_first") is True,
        is_looked_up=saved.get("is_looked_up") is True,
        is_broken=saved.get("is_broken") is True,
    )


def grow(
    tree: Tree,
    items: Items,
    settings: CrawlSettings,
    *,
    asked: Sequence[str] = (),
    parents: Mapping[str, Thread] | None = None,
    without_replies: bool = False,
) -> tuple[tuple[Comment, ...], Tree]:
    """Add a reply to the tree. Returns the comments that are new to the tree, and the new tree.

    `asked` are the ids that the request named. For an id that the reply does not return, the thread
    of its parent is requested. A reply without new comments adds no further requests: otherwise a
    tree could be walked for ever. `without_replies`: the reply has the comments without the
    comments below them.
    """
    growing = _Growing(tree, settings)
    kept = growing.take(items.comments)
    growing.miss(asked, brought={comment.id for comment in items.comments}, parents=parents or {})
    if growing.has_new or tree.is_first:
        for stub in items.more:
            growing.follow(stub)
    if without_replies:
        growing.seek_below(kept)
    return kept, growing.grown()


class _Growing:
    """A tree while one reply is added to it; each step takes time linear in its arguments."""

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
        self, asked: Sequence[str], *, brought: Set[str], parents: Mapping[str, Thread]
    ) -> None:
        for item_id in brought & self._unbrought.keys():
            del self._unbrought[item_id]
        missed = [item_id for item_id in asked if item_id not in brought]
        self._unbrought.update(dict.fromkeys(missed))
        for item_id in missed:
            if item_id in parents:
                self._ask_for(parents[item_id])

    def follow(self, stub: MoreComments) -> None:
        is_below_comment = stub.parent_id.startswith(COMMENT)
        thread = Thread(stub.parent_id.partition("_")[2], max(0, stub.depth - 1))
        children = [c for c in self._handled.new_of(stub.children) if c not in self._pending]
        if stub.children and not children:
            return  # all of them are known
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
        # Counts one missing reply for each further comment; the true number is not known.
        self._cut += len(comments[SOUGHT_BELOW:])

    def _ask_for(self, thread: Thread) -> None:
        """Add a request for this thread, unless it was requested before."""
        name = f"{OF_THREAD}{thread.parent}"
        if name not in self._handled:
            self._handled.add([name])
            self._threads.append(thread)

    def grown(self) -> Tree:
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
