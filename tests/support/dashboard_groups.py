"""Groups for the tests of the dashboard: one with a held step, and one too large for a graph.

No step gets a job of its own: the steps wait, or follow queued jobs of other requests.
"""

from datetime import UTC, datetime
from typing import Any

import httpx

from crawljobs.db.database import Database
from support import groups

LARGE = 160  # steps; the graph has at most 150
DEPTH = 80


def fill(database: Database, client: httpx.Client, *, failed: int, queued: int) -> tuple[int, int]:
    """Create the groups while no other group exists, and resolve them once.

    `failed` is the id of a failed job, `queued` of a queued one. Returns the ids of the group with
    a held step and of the large group.
    """
    after_failure = [{"job": failed}]
    steps = [
        {"subreddit": "bonsai"},
        {"key": "second", "subreddit": "Pottery", "after": ["bonsai"]},
        {"key": "choice", "subreddit": "MapTalk", "after": after_failure,
         "on_upstream_failure": "hold"},
        {"key": "left-out", "subreddit": "BirdingNotes", "after": after_failure},
        {"key": "later", "subreddit": "Ceramics", "after": [{"job": queued}, "second"]},
        {"key": "last", "subreddit": "Quilting", "after": "all", "on_upstream_failure": "proceed"},
    ]  # fmt: skip
    held = _created(client, "Needs a decision", steps)
    with database.begin() as conn:
        groups.resolve(conn, now=datetime.now(UTC))
    chains = [
        {"key": f"{name}-{place:02}", "subreddit": name,
         "after": [f"{name}-{place - 1:02}"] if place else []}
        for name in ("vim", "emacs")
        for place in range(DEPTH)
    ]  # fmt: skip
    assert len(chains) == LARGE
    return held, _created(client, "Two long chains", chains)


def _created(client: httpx.Client, name: str, steps: list[dict[str, Any]]) -> int:
    answer = client.post("/api/admin/groups", json={"name": name, "steps": steps})
    assert answer.status_code == 201, answer.text
    found: int = answer.json()["id"]
    return found
