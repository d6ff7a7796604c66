"""Delete the rows that name an erased author or show the author's activity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Connection, Text, any_, bindparam, delete, func, select, update

from crawljobs.db.tables import author_subreddits, authors, missing_parts, subreddits
from crawljobs.domain.missing_part import PartKind
from crawljobs.domain.subreddit import PROFILE
from crawljobs.repository.erasure import named_checkpoints
from crawljobs.repository.sql import ids, inline

SUBREDDITS_AT_ONCE = 50

_author_id = bindparam("id_of_author", type_=BigInteger)
_name = bindparam("of_name", type_=Text)
_edge, _subreddit = author_subreddits.c, subreddits.c
EDGES = (
    select(_edge.subreddit_id)
    .where(_edge.author_id == _author_id)
    .order_by(_edge.subreddit_id)
    .limit(bindparam("at_most"))
)
DELETE_EDGES = delete(author_subreddits).where(
    _edge.author_id == _author_id, _edge.subreddit_id == any_(ids("subreddit_ids"))
)
DELETE_PARTS = delete(missing_parts).where(
    missing_parts.c.subreddit_id == any_(ids("subreddit_ids")),
    missing_parts.c.kind == inline(PartKind.HISTORY),
    func.lower(missing_parts.c.item) == func.lower(_name),
)
# Brackets do not occur in names of accounts, so no account can have the new name.
RENAME = (
    update(authors)
    .where(authors.c.id == _author_id)
    .values(
        name=func.concat("[erased ", authors.c.id, "]"),
        reddit_id=None,
        created_at_reddit=None,
        suspended=None,
    )
)
DELETE_AUTHOR = delete(authors).where(authors.c.id == _author_id)
# The profile stays as a row, because jobs and schedules refer to it.
RENAME_PROFILE = (
    update(subreddits)
    .where(func.lower(_subreddit.name) == func.lower(bindparam("of_profile", type_=Text)))
    .values(
        name=func.concat("u_erased_", _subreddit.id),
        reddit_id=None,
        title=None,
        description=None,
        sidebar=None,
        next_crawl_at=None,
    )
)


@dataclass(frozen=True)
class Cleaned:
    """The number of deleted edges. `waits`: checkpoints of running crawls still name the author."""

    edges: int
    waits: bool


def rename(conn: Connection, *, author_id: int) -> None:
    """Replace the name of the author, so that crawls do not find the author by this name."""
    conn.execute(RENAME, {"id_of_author": author_id})


def delete_activity(
    conn: Connection, *, author_id: int, name: str, now: datetime | None = None
) -> Cleaned:
    """Delete the author's activity in the next subreddits, and the name from their crawls.

    The name occurs only in crawls of subreddits with the author's activity: in checkpoints of jobs,
    and in missing parts. While the checkpoint of a running crawl has the name, the activity in its
    subreddit stays. So a later call finds this subreddit again.
    """
    found = conn.execute(EDGES, {"id_of_author": author_id, "at_most": SUBREDDITS_AT_ONCE})
    all_ids: Sequence[int] = found.scalars().all()
    if not all_ids:
        return Cleaned(0, waits=False)
    busy = named_checkpoints.remove(conn, name=name, subreddit_ids=all_ids)
    free = [subreddit_id for subreddit_id in all_ids if subreddit_id not in busy]
    if not free:
        return Cleaned(0, waits=True)
    values = {"id_of_author": author_id, "of_name": name, "subreddit_ids": free}
    edges = conn.execute(DELETE_EDGES, values).rowcount
    conn.execute(DELETE_PARTS, values)
    return Cleaned(edges, waits=False)


def delete_author(conn: Connection, *, author_id: int, name: str) -> None:
    """Delete the author's row, to which no other row refers any more. Rename the profile."""
    conn.execute(DELETE_AUTHOR, {"id_of_author": author_id})
    rename_profile(conn, name=name)


def rename_profile(conn: Connection, *, name: str) -> None:
    """Replace the name of the author's profile, and delete its title and descriptions."""
    conn.execute(RENAME_PROFILE, {"of_profile": f"{PROFILE}{name}"})
