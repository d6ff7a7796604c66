"""The checkpoint of a crawl: saved with every page, read by the next attempt."""

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
# With an older cursor the walk starts again at the first page: new items have come above it.
CURSOR_LIVES = timedelta(minutes=15)
NOT_WALKED = Walk()
# Fields that are saved only when they differ from their defaults; most crawls do not set them.
_OPTIONAL = (
    *("whole", "seen", "empty_pages", "described_as"),
    *("posts_walk", "comments_walk", "gaps", "missing", "given_up", "unclear"),
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`posts` and `comments` are the numbers of distinct items seen by this crawl, new or known."""

    phase: str = "about"
    cursor: str | None = None
    cursor_at: str | None = None
    page: int = 0
    posts: int = 0
    comments: int = 0
    authors: int = 0
    requests: int = 0
    asked_at: str | None = None  # time of the last request, ISO 8601
    forecast: Forecast = NOTHING_KNOWN
    # A listing ended, or was lost, before it reached the items of the last crawl.
    gap: bool = False
    # The access that the description reports; it is recorded when posts are returned.
    described_as: AccessState | None = None
    # Deferrals in a row because a required reply was unclear.
    unclear: int = 0
    # The listings are walked to their ends, past the items that the last crawl saw.
    whole: bool = False
    # Ids that the current listing has returned (see Seen). Ids of comments stay for the trees.
    seen: str = ""
    empty_pages: int = 0  # in a row
    posts_walk: Walk = NOT_WALKED
    comments_walk: Walk = NOT_WALKED
    gaps: tuple[Gap, ...] = ()
    # The first parts that this crawl gave up, and the number of all of them.
    missing: tuple[MissingPart, ...] = ()
    given_up: int = 0
    # For the current listing: the number of consecutive items that an earlier crawl has seen, and
    # fallback cursors, the nearest first.
    older_in_a_row: int = 0
    anchors: tuple[str, ...] = ()
    newest_post: str | None = None
    newest_comment: str | None = None
    # Posts whose tree is to be fetched, busiest first: (id, number of comments in the listing).
    busiest: tuple[tuple[str, int], ...] = ()
    tree: Tree | None = None
    # Authors whose history is to be fetched; None until they are chosen.
    histories: tuple[str, ...] | None = None

    def enter(self, phase: str) -> Checkpoint:
        """The checkpoint at the start of this phase."""
        seen = self.seen if phase == "trees" else ""
        return replace(self.restarted(), phase=phase, seen=seen, unclear=0)

    def restarted(self) -> Checkpoint:
        """The checkpoint at the first page of a listing."""
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
        """Returns the checkpoint that lists this part as missing, once."""
        others = [one for one in self.missing if (one.kind, one.item) != (part.kind, part.item)]
        is_new = len(others) == len(self.missing)
        missing = (*others, part)[: missing_part.LISTED_MAX]
        return replace(self, missing=missing, given_up=self.given_up + is_new)

    def saved(self) -> dict[str, Any]:
        """The JSON object that is stored on the job."""
        saved = asdict(self, dict_factory=saved_values.plain)
        for name in _OPTIONAL:
            if getattr(self, name) == getattr(_START, name):
                del saved[name]
        return {"v": VERSION, **saved}


_START = Checkpoint()


def is_stale(cursor_at: str | None, *, now: datetime, gap: float) -> bool:
    """Whether a cursor of this time is too old to continue from.

    The limit grows by `gap`, the seconds between two requests. Otherwise a long gap would make
    every cursor stale, and the listing would start again for ever.
    """
    lives = CURSOR_LIVES + timedelta(seconds=gap)
    return cursor_at is None or now - datetime.fromisoformat(cursor_at) > lives
