"""Finds the subreddit that a path names by its id or its name."""

from __future__ import annotations

from admin_api.http import problems
from admin_api.schemas.fields import INT8_MAX
from crawljobs.db.database import Connection
from crawljobs.repository.content import subreddit_admin
from crawljobs.repository.content.subreddit_rows import Subreddit


def found(conn: Connection, subreddit: str, *, lock: bool = False) -> Subreddit:
    """Return the subreddit with this id or name. Raises a Problem if it does not exist."""
    subreddit_id = (
        int(subreddit) if subreddit.isdigit() else subreddit_admin.find_id(conn, name=subreddit)
    )
    shown = None
    if subreddit_id is not None and subreddit_id <= INT8_MAX:
        shown = subreddit_admin.get_subreddit(conn, subreddit_id=subreddit_id, lock=lock)
    if shown is None:
        raise problems.Problem("not_found", f"There is no subreddit {subreddit}.")
    return shown
