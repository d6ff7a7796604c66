"""Pause and resume a group. In a paused group, no pending step starts, but live jobs go on."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, null, update

from crawljobs.db.tables import job_groups
from crawljobs.repository.groups import group_progress
from crawljobs.repository.sql import NOW

_IS_GROUP = job_groups.c.id == bindparam("group_id")
_PAUSE = update(job_groups).where(_IS_GROUP, job_groups.c.paused_at.is_(None)).values(paused_at=NOW)
_RESUME = update(job_groups).where(_IS_GROUP).values(paused_at=null())


def pause(conn: Connection, *, group_id: int, now: datetime | None = None) -> None:
    """Pause the group, so that no pending step starts. The caller has locked the group."""
    conn.execute(_PAUSE, {"group_id": group_id, "now": now})
    group_progress.update(conn, [group_id], [], now=now)


def resume(conn: Connection, *, group_id: int, now: datetime | None = None) -> None:
    """End the group's pause, so that pending steps can start. The caller has locked the group."""
    conn.execute(_RESUME, {"group_id": group_id})
    group_progress.update(conn, [group_id], [], now=now)
