"""Chooses the stored items that are requested from Reddit next, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from crawljobs.db.database import Connection
from crawljobs.repository.content import refreshes
from crawljobs.repository.content.deletion_checks import (
    deletion_walk,
    item_scan,
    omission_looks,
    omitted_items,
)
from crawljobs.repository.content.deletion_checks.deletion_walk import Position, Step
from crawljobs.repository.queue import queue_pauses
from crawljobs.settings import DeletionCheckSettings

BATCH = 100  # maximum number of full names in one request, as Reddit allows
# Of CHECK_TURN batches of a worker, one is for the walk or for omitted items, even if many items
# are due for a refresh. The other batches are for refreshes, because most deletions concern new
# items.
CHECK_TURN = 4


class ItemBatch(Protocol):
    """Items that are requested together.

    `kind` names the reason of the request. If `records_checks` is true, the column `checked_at` is
    also set for items that have not changed.
    """

    kind: ClassVar[str]
    records_checks: ClassVar[bool]

    @property
    def names(self) -> Sequence[str]:
        """The full names of the items."""

    def settle(self, conn: Connection) -> None:
        """Record that the items were requested, also the items that Reddit's reply leaves out."""


@dataclass(frozen=True)
class RefreshBatch:
    """Items that are due for a refresh."""

    names: Sequence[str]
    kind: ClassVar[str] = "refresh"
    records_checks: ClassVar[bool] = True

    def settle(self, conn: Connection) -> None:
        refreshes.settle(conn, names=self.names)


@dataclass(frozen=True)
class WalkBatch:
    """The next items of the walk through all stored items."""

    step: Step
    kind: ClassVar[str] = "walk"
    records_checks: ClassVar[bool] = False

    @property
    def names(self) -> Sequence[str]:
        return self.step.names

    def settle(self, conn: Connection) -> None:
        deletion_walk.advance(conn, self.step)


@dataclass(frozen=True)
class OmissionBatch:
    """Omitted items of one subreddit that are requested again, together with witnesses.

    A witness is an item of the subreddit that Reddit probably still shows. An omission counts only
    if the same reply shows another item of the subreddit.
    """

    names: Sequence[str]
    kind: ClassVar[str] = "omission"
    records_checks: ClassVar[bool] = False

    def settle(self, conn: Connection) -> None:
        omitted_items.postpone(conn, names=self.names)


class ItemBatches:
    """Chooses batches. Each kind of batch has its own size, which failures make smaller."""

    def __init__(self, *, refreshes_items: bool, checks: DeletionCheckSettings) -> None:
        self._refreshes_items = refreshes_items
        self._checks = checks
        self._turns = 0
        self._walked_last = False
        kinds = (RefreshBatch.kind, WalkBatch.kind, OmissionBatch.kind)
        self._sizes = dict.fromkeys(kinds, BATCH)

    @property
    def are_off(self) -> bool:
        """Return whether the settings turn off both the refreshes and the walk."""
        return not self._refreshes_items and self._checks.every is None

    def next(self, conn: Connection) -> ItemBatch | None:
        """Return the next batch, or None if no item is due or the queue is paused."""
        # Call `position` also during a pause, because `position` stores settings for the metrics.
        position = deletion_walk.position(conn, every=self._checks.every, share=self._checks.share)
        if queue_pauses.is_paused(conn, subreddit_id=queue_pauses.EVERYTHING):
            return None
        self._turns += 1
        check_first = self._checks.every is not None and self._turns % CHECK_TURN == 0
        if check_first:
            return self._check(conn, position) or self._refresh(conn)
        return self._refresh(conn) or self._check(conn, position)

    def _check(self, conn: Connection, position: Position | None) -> ItemBatch | None:
        """Return a batch of omitted items, or of the walk. They take turns if both have items."""
        if self._checks.every is None:
            return None
        batch: ItemBatch | None
        if self._walked_last:
            batch = self._omitted(conn) or self._walk(conn, position)
        else:
            batch = self._walk(conn, position) or self._omitted(conn)
        self._walked_last = isinstance(batch, WalkBatch)
        return batch

    def _omitted(self, conn: Connection) -> OmissionBatch | None:
        names = omission_looks.next_looks(conn, at_most=self._sizes[OmissionBatch.kind])
        return OmissionBatch(names) if names else None

    def _walk(self, conn: Connection, position: Position | None) -> WalkBatch | None:
        if position is None:
            return None
        size = self._sizes[WalkBatch.kind]
        step = item_scan.next_step(conn, before=position, at_most=size)
        if step.names:
            return WalkBatch(step)
        deletion_walk.advance(conn, step)
        return None

    def _refresh(self, conn: Connection) -> RefreshBatch | None:
        if not self._refreshes_items:
            return None
        names = refreshes.due(conn, at_most=self._sizes[RefreshBatch.kind])
        return RefreshBatch(names) if names else None

    def succeeded(self, batch: ItemBatch) -> None:
        """Double the size of the next batches of this kind, up to BATCH."""
        self._sizes[batch.kind] = min(BATCH, 2 * self._sizes[batch.kind])

    def failed(self, batch: ItemBatch) -> None:
        """Make the next batches of this kind half as large as this batch."""
        self._sizes[batch.kind] = max(1, len(batch.names) // 2)
