"""The comment tree of one post: the number of read comments, and the remaining requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from crawler_worker.crawl.checkpoints.seen_ids import Seen


@dataclass(frozen=True, slots=True)
class Thread:
    """A request for the replies below the comment `parent`, which is at `depth` in the tree."""

    parent: str
    depth: int


@dataclass(frozen=True, slots=True)
class Stub:
    """Reddit's placeholder for `size` comments, whose ids follow each other in `Tree.more`.

    `parent` is the comment to which these comments reply, or None if they reply to the post.
    """

    parent: str | None
    depth: int  # depth of the parent in the tree
    size: int


@dataclass(frozen=True, slots=True)
class Tree:
    """A post's comment tree. `comments` is the number of comments that were read so far.

    `more` are ids of comments that must still be requested. `threads` are requests for replies.
    """

    post: str
    comments: int = 0
    more: tuple[str, ...] = ()
    threads: tuple[Thread, ...] = ()
    # The stubs that named the ids in `more`, in the same order. Empty in older checkpoints.
    stubs: tuple[Stub, ...] = ()
    reported: int | None = None  # the number of comments that the post has, as Reddit reports it
    # Ids of comments that were read and of threads that were requested, in the text form of `Seen`.
    handled: str = ""
    unbrought: tuple[str, ...] = ()  # ids of comments that Reddit named but has not returned yet
    cut: int = 0  # known number of comments that the crawl skipped because of limits
    is_first: bool = True  # True until the first request for the tree
    is_looked_up: bool = False  # True after the crawl requested the comments in `unbrought`
    is_broken: bool = False  # True after a part of the tree was given up

    @property
    def is_done(self) -> bool:
        return not (self.more or self.threads or self.lookup)

    @property
    def lookup(self) -> tuple[str, ...]:
        """Return the ids of comments that Reddit named but did not return.

        The crawl requests these comments once, by their full names. After this request, return no
        ids.
        """
        return () if self.is_looked_up else self.unbrought

    @property
    def missing(self) -> int:
        """Return the number of comments that are known to exist but were not stored."""
        return len(self.unbrought) + self.cut

    @property
    def is_short(self) -> bool:
        """Return whether a finished tree has less than half of the comments that Reddit reports.

        Comments that Reddit named but did not return count as comments of the tree. If a part was
        given up, or limits cut off comments, the difference is explained: return False.
        """
        if not self.is_done or self.is_first or self.is_broken or self.cut:
            return False
        return 2 * (self.comments + len(self.unbrought)) < (self.reported or 0)

    def without_more(self, batch: Sequence[str]) -> Tree:
        """Return the tree without the ids in `batch`, which must be the first ids of `more`."""
        left, stubs = len(batch), list(self.stubs)
        while stubs and left > 0:
            first = stubs.pop(0)
            if first.size > left:
                stubs.insert(0, replace(first, size=first.size - left))
            left -= first.size
        return replace(self, more=self.more[len(batch) :], stubs=tuple(stubs))

    def broken(self, *, lost: Sequence[str] = ()) -> Tree:
        """Return the tree after a part was given up. `lost` are the first ids of `more`.

        The ids in `lost` are moved from `more` to `unbrought`, so their comments are missing.
        """
        after = self.without_more(lost)
        unbrought = tuple(dict.fromkeys([*self.unbrought, *lost]))
        return replace(after, unbrought=unbrought, is_broken=True, is_looked_up=True)

    def parents(self, batch: Sequence[str]) -> dict[str, Thread]:
        """Map each comment id in `batch` to a request for all replies to the comment's parent.

        `batch` must be the first ids of `more`. Ids whose parent is the post are omitted. Returns
        nothing if the sizes of the stubs do not add up to the length of `more`.
        """
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
    """Return the tree that was saved. Raises TypeError, KeyError or ValueError if damaged."""
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
