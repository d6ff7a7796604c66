"""The checkpoint of a crawl. It is saved with every page, and the next attempt reads it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from crawler_worker.crawl.checkpoints import saved_values
from crawler_worker.crawl.checkpoints.forecast import NOTHING_KNOWN, Forecast
from crawler_worker.crawl.tree import Tree
from crawljobs.domain import missing_part
from crawljobs.domain.coverage import Gap, Walk
from crawljobs.domain.missing_part import MissingPart
from crawljobs.domain.subreddit import AccessState

VERSION = 1
# The age limit of a saved cursor. If the cursor is older, the crawl reads the listing from its
# first page again, because new items have appeared on the first pages.
CURSOR_LIVES = timedelta(minutes=15)
NOT_WALKED = Walk()
# These fields are saved only if they differ from their defaults. Most crawls do not set them.
_OPTIONAL = (
    *("whole", "seen", "empty_pages", "described_as"),
    *("posts_walk", "comments_walk", "gaps", "missing", "given_up", "unclear"),
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a crawl. `posts` and `comments` are the numbers of distinct items so far."""

    phase: str = "about"
    cursor: str | None = None
    cursor_at: str | None = None
    page: int = 0
    posts: int = 0
    comments: int = 0
    authors: int = 0
    requests: int = 0
    asked_at: str | None = None  # time of the crawl's latest request, as ISO 8601 text
    forecast: Forecast = NOTHING_KNOWN
    # True if the crawl could not read a listing down to the items of the previous crawl. Then items
    # between the previous crawl and this crawl are missing.
    gap: bool = False
    # The access state that the subreddit's description shows. The crawl stores this state in the
    # subreddit's row after Reddit has returned the first page of posts.
    described_as: AccessState | None = None
    # How many times in a row the crawl was deferred, because a required request failed or had an
    # unclear reply.
    unclear: int = 0
    # True if the crawl reads the listings to their ends, also beyond items of earlier crawls.
    whole: bool = False
    # Ids that the current listing has returned, in the text form of `Seen`. The phase "trees" keeps
    # the ids of the listing of comments, so that no comment is counted twice.
    seen: str = ""
    empty_pages: int = 0  # number of empty pages in a row
    posts_walk: Walk = NOT_WALKED
    comments_walk: Walk = NOT_WALKED
    gaps: tuple[Gap, ...] = ()
    # `missing` are the first parts that this crawl gave up, at most missing_part.LISTED_MAX.
    # `given_up` is the number of all parts that this crawl gave up.
    missing: tuple[MissingPart, ...] = ()
    given_up: int = 0
    # - `older_in_a_row`: the number of consecutive items, up to `cursor`, that earlier crawls have
    #   seen.
    # - `anchors`: the cursors of the items just before `cursor`, nearest first. If the page after
    #   `cursor` is empty, the crawl tries the pages after these cursors.
    older_in_a_row: int = 0
    anchors: tuple[str, ...] = ()
    newest_post: str | None = None
    newest_comment: str | None = None
    # Posts whose comment tree will be requested, each with its id and the number of comments that
    # the listing reported. The post with the most comments is first.
    busiest: tuple[tuple[str, int], ...] = ()
    tree: Tree | None = None
    # Authors whose history will be requested. The value is None until the authors are chosen.
    histories: tuple[str, ...] | None = None

    def enter(self, phase: str) -> Checkpoint:
        """Return the checkpoint for the start of `phase`.

        The new checkpoint has no position in a listing, but keeps the counts of the whole crawl.
        """
        seen = self.seen if phase == "trees" else ""
        return replace(self.restarted(), phase=phase, seen=seen, unclear=0)

    def restarted(self) -> Checkpoint:
        """Return the checkpoint for a new start at the first page of the current listing."""
        return replace(
            self,
            cursor=None,
            cursor_at=None,
            anchors=(),
            page=0,
            older_in_a_row=0,
            seen="",
            empty_pages=0,
        )

    def without(self, part: MissingPart) -> Checkpoint:
        """Return the checkpoint after the crawl gave up this part.

        A part is counted only once. The list of missing parts has at most LISTED_MAX parts.
        """
        others = [one for one in self.missing if (one.kind, one.item) != (part.kind, part.item)]
        is_new = len(others) == len(self.missing)
        missing = (*others, part)[: missing_part.LISTED_MAX]
        return replace(self, missing=missing, given_up=self.given_up + is_new)

    def saved(self) -> dict[str, Any]:
        """Return the JSON object that is stored in the row of the job."""
        saved = asdict(self, dict_factory=saved_values.plain)
        for name in _OPTIONAL:
            if getattr(self, name) == getattr(_START, name):
                del saved[name]
        return {"v": VERSION, **saved}


_START = Checkpoint()


def is_stale(cursor_at: str | None, *, now: datetime, gap: float) -> bool:
    """Return whether a cursor that was saved at `cursor_at` is too old to continue from.

    `gap` is the minimum number of seconds between two requests. The age limit grows by `gap`.
    Otherwise a long `gap` would make every cursor too old, and the crawl would read the first page
    again and again.
    """
    lives = CURSOR_LIVES + timedelta(seconds=gap)
    return cursor_at is None or now - datetime.fromisoformat(cursor_at) > lives
