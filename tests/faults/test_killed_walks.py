"""F1: kill -9 of a worker in the middle of the walk through all stored items."""

import json
import threading
from collections import Counter
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import text

from crawljobs.db.database import Database
from crawljobs.repository.content.deletion_checks import deletion_walk
from support import crawled, refreshers, scripted_server
from support.crew import PRODUCTION, Crew
from support.scripted_server import Exchange
from support.waiting import wait_until

WALK = {"DELETION_CHECK_DAYS": "1", "DELETION_CHECK_SHARE": "1", "REFRESH_ITEMS": "false"}
BATCHES, HELD = 6, 3  # the third reply never comes while `held` is not set


class Reddit:
    """Shows no item, reports a large budget, and holds the reply to one batch back."""

    def __init__(self) -> None:
        self.batches: list[tuple[str, ...]] = []
        self.reached, self.held = threading.Event(), threading.Event()

    def __call__(self, it: Exchange) -> None:
        if it.path.startswith("/api/v1/access_token"):
            it.send(200, b'{"access_token": "t", "expires_in": 86400}')
            return
        self.batches.append(tuple(parse_qs(urlsplit(it.path).query)["id"][0].split(",")))
        if len(self.batches) == HELD:
            self.reached.set()
            self.held.wait(30)
        empty = {"kind": "Listing", "data": {"children": [], "after": None}}
        budget = {"remaining": "100000", "used": "1", "reset": "300"}
        headers = {f"x_ratelimit_{name}": value for name, value in budget.items()}
        it.send(200, json.dumps(empty).encode(), **headers)


def test_a_walk_goes_on_after_a_kill_and_repeats_only_the_interrupted_batch(
    crew: Crew, database: Database
) -> None:
    with database.begin() as conn:
        crawled.store(conn, *(crawled.post(f"p{n:03}") for n in range(100 * BATCHES)))
        deletion_walk.position(conn, every=None, share=1)
        conn.execute(text("UPDATE posts SET checked_at = now() - interval '3 days'"))
        conn.execute(text("UPDATE deletion_walk SET unchecked_since = now() - interval '2 days'"))
    reddit = Reddit()
    with scripted_server.serve(reddit) as url:
        crew.sandbox_url = url
        killed = crew.start(PRODUCTION, **WALK)
        assert reddit.reached.wait(30), crew.log()
        killed.kill()
        reddit.held.set()
        with database.begin() as conn:
            assert conn.execute(text("SELECT item_id FROM deletion_walk")).scalar() == "p199"
        refreshers.our_turn(database)  # in place of the four minutes of a turn
        crew.start(PRODUCTION, **WALK)

        def has_ended() -> bool:
            with database.begin() as conn:
                query = text("SELECT started_at IS NULL FROM deletion_walk")
                return bool(conn.execute(query).scalar_one())

        wait_until(has_ended, timeout=30, describe=crew.log)
    asked = Counter(reddit.batches)
    assert sorted(asked.values()) == [1] * (BATCHES - 1) + [2]
    assert asked[reddit.batches[HELD - 1]] == 2
    assert len({name for batch in asked for name in batch}) == 100 * BATCHES
