"""Read one chunk of an export. Each chunk is a short transaction of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, bindparam, func, select

from crawljobs.db.tables import subreddits
from crawljobs.db.tables.columns import Timestamp
from crawljobs.repository import index_order
from crawljobs.repository.exports.export_plan import (
    EARLIEST,
    INT8_MAX,
    ITEMS,
    ExportOrder,
    ExportPlan,
    Key,
)
from crawljobs.repository.exports.export_statement import (
    CHUNK_ROWS,
    chunk_statement,
)
from crawljobs.repository.exports.export_walks import position_columns
from crawljobs.repository.sql import inline_number

CHUNK_BYTES = 4 * 1024 * 1024  # a chunk ends after about this number of bytes
FETCHED_ROWS = 250  # rows that are read into memory at once
# A row may become visible up to this time after its `updated_at`. This delay includes the time from
# the start of a statement to the first row that it writes, and a margin for a change of the
# server's clock.
COMMIT_DELAY = timedelta(seconds=60)
# If an export is limited to a span of time, a chunk searches at most this number of subreddits.
# Such a search takes 0.2 s.
SUBREDDITS_MAX = 20_000
_UNKNOWN = datetime(1970, 1, 2, tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)

# On a replica, the changes up to the time of the last replayed transaction are visible.
_CLOCK = select(
    func.clock_timestamp().label("now"),
    func.pg_last_xact_replay_timestamp().label("replayed"),
    func.pg_is_in_recovery().label("is_replica"),
)
# A transaction may have written rows, and commit after the export has read the place of these rows.
# Then the rows are not in the export. Their `updated_at` is after the start of the transaction.
_OLDEST_CHANGE = select(func.oldest_change_start(type_=Timestamp))
_walk = (
    select(subreddits.c.id)
    .where(subreddits.c.id >= bindparam("low", type_=BigInteger))
    .order_by(subreddits.c.id)
    .limit(inline_number(SUBREDDITS_MAX))
    .subquery("walk")
)
_WALK_END = select(func.max(_walk.c.id).label("last_id"), func.count().label("subreddits"))


@dataclass(frozen=True)
class ExportStart:
    """When an export starts, by the clock of the database.

    Each change before `changes_until` is visible to the export. A later export whose
    `updated_since` is `changes_until` misses no change.
    """

    at: datetime
    changes_until: datetime


@dataclass(frozen=True)
class Chunk:
    """The lines of one chunk, ready to send.

    - `rows`: the number of rows that were read, also of rows outside the filters.
    - `last`: the key of the last row, from which the next chunk continues. None: no row follows.
    """

    content: bytes
    lines: int
    rows: int
    last: Key | None


def read_oldest_change(conn: Connection) -> datetime | None:
    """Return the start of the oldest transaction that has written rows and has not ended, or None.

    `conn` leads to the database to which crawls write. A replica does not show their transactions.
    """
    found: datetime | None = conn.execute(_OLDEST_CHANGE).scalar_one()
    return found


def read_start(conn: Connection, *, oldest_change: datetime | None) -> ExportStart:
    """Return the start of an export that begins now.

    `oldest_change` is a result of `read_oldest_change` from an earlier time. So each transaction
    that wrote rows before `oldest_change` has ended. Each other transaction writes rows with an
    `updated_at` after `oldest_change`.
    """
    clock = conn.execute(_CLOCK).one()
    seen = min(clock.now, oldest_change or clock.now)
    if clock.is_replica:
        # Null: the replica has replayed nothing since its own start, so the age of its data is
        # unknown.
        seen = min(seen, clock.replayed or _UNKNOWN)
    return ExportStart(at=clock.now, changes_until=seen - COMMIT_DELAY)


def read_chunk(
    conn: Connection,
    plan: ExportPlan,
    *,
    after: Key,
    write: Callable[[str | None, str], bytes],
    rows: int = CHUNK_ROWS,
) -> Chunk:
    """Return the lines that follow the key `after`: at most `rows` rows, and about CHUNK_BYTES.

    `write` gets the author's name and the JSON object without the name, and returns the bytes of a
    line. `conn` must be in a transaction, because the rows come from a cursor of the server.
    """
    statement = chunk_statement(
        plan.kind,
        plan.shape,
        plan.order,
        pseudonymous=plan.pseudonymous,
        bodies=plan.bodies,
        at_most=rows,
    ).execution_options(stream_results=True, yield_per=FETCHED_ROWS)
    index_order.follow(conn, by_groups=plan.order is ExportOrder.SPAN)
    width = len(position_columns(plan.order))
    begin = plan.begin(after)
    values = _values(plan, begin)
    content, lines, read, last = bytearray(), 0, 0, begin
    walk_end = None
    if plan.order is ExportOrder.SPAN:
        walk = conn.execute(_WALK_END, {"low": begin[0]}).one()
        values["high_subreddit_id"] = walk.last_id
        if walk.subreddits == SUBREDDITS_MAX:
            walk_end = (walk.last_id, _LATEST, "")
    with conn.execute(statement, values) as result:
        for row in result:
            read += 1
            last = tuple(row[:width])
            if row.line is not None:
                content += write(row.author, row.line)
                lines += 1
            if len(content) >= CHUNK_BYTES:
                break
    is_cut = read == rows or len(content) >= CHUNK_BYTES
    return Chunk(bytes(content), lines, read, last if is_cut else walk_end)


def _values(plan: ExportPlan, begin: Key) -> dict[str, Any]:
    """Return the parameters of the statement: where the rows begin and end, and the filters."""
    names = position_columns(plan.order)
    end = plan.updated_until if plan.order is ExportOrder.UPDATED else plan.until
    high: Key = (INT8_MAX,) * len(names)
    if plan.kind in ITEMS:
        # The empty id sorts before all ids of the same time.
        high = (*high[:-2], end or _LATEST, "")
    values: dict[str, Any] = {
        **{f"low_{name}": part for name, part in zip(names, begin, strict=True)},
        **{f"high_{name}": part for name, part in zip(names, high, strict=True)},
        "subreddit_id": plan.subreddit_id,
        "since": plan.since,
        "until": plan.until,
        "min_shared": plan.min_shared,
    }
    if plan.order is ExportOrder.SPAN:
        values |= {"since": plan.since or EARLIEST, "until": plan.until or _LATEST}
    return values
