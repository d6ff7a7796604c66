"""`--watch`: show an answer of the server again after each change, until Ctrl-C."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

import click

from crawlctl.session import Session
from crawlctl.waiting import poller

CLEAR = "\x1b[H\x1b[2J"  # moves the cursor to the top left, and clears the screen
WATCH = click.option("--watch", "is_watched", is_flag=True, help="Show it again after each change.")


def show(
    session: Session,
    path: str,
    query: Mapping[str, Any],
    write: Callable[[Any], object],
    *,
    is_watched: bool,
) -> None:
    """Read a path, and write the answer. With `is_watched`, write it again after each change."""
    if not is_watched:
        write(session.client.get(path, query).body)
        return
    clears = sys.stdout.isatty() and session.chosen_format in ("table", "wide")
    for body in poller(session, float("inf")).changes(path, query):
        if clears:
            sys.stdout.write(CLEAR)
        write(body)
        sys.stdout.flush()
