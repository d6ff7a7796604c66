"""Make omitted items tombstones, as if deleted. A later reply can restore the items."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, Table, Update, any_, delete, select, update

from crawljobs.db.tables import comments, omitted_items, posts
from crawljobs.domain.reddit_items import OMITTED
from crawljobs.repository.content import tombstones
from crawljobs.repository.sql import array_of, inline, texts

TABLES = {"t3": posts, "t1": comments}  # maps the prefix of full names to the table
FORGET = delete(omitted_items).where(omitted_items.c.name == any_(texts("names")))


def _mark(table: Table) -> Update:
    """Return the statement that makes omitted items tombstones. It skips locked rows."""
    free = table.alias("free")
    chosen = (
        select(free.c.id)
        .where(free.c.id == any_(texts("item_ids")), free.c.deleted_at.is_(None))
        .order_by(free.c.id)
        .with_for_update(key_share=True, skip_locked=True)
    )
    return (
        update(table)
        .where(table.c.id == any_(array_of(chosen)))
        .values(**tombstones.values_of(table), removed_by_category=inline(OMITTED))
        .returning(table.c.id)
    )


MARK = {kind: _mark(table) for kind, table in TABLES.items()}


def mark_deleted(conn: Connection, names: Sequence[str], *, now: datetime | None) -> int:
    """Make these items tombstones, and return their number. Locked rows are skipped."""
    marked: list[str] = []
    for kind, statement in MARK.items():
        chosen = ids_of(names, kind)
        if chosen:
            rows = conn.execute(statement, {"item_ids": chosen, "now": now}).scalars()
            marked += [f"{kind}_{item_id}" for item_id in rows]
    if marked:
        conn.execute(FORGET, {"names": sorted(marked)})
    return len(marked)


def ids_of(names: Collection[str], kind: str) -> list[str]:
    """Return the ids of the full names of this kind, sorted."""
    prefix = f"{kind}_"
    return sorted(name.removeprefix(prefix) for name in names if name.startswith(prefix))
