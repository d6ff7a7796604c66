"""The comment tree of one post: the fetched comments, and the requests that are still needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from crawler_worker.crawl.checkpoints.seen_ids import Seen


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
