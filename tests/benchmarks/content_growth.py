"""Measure page storage and keyset reads with millions of posts and comments.

Page storage takes turns in a full and in an empty database, reads in a full one and in a small one.
"""

import contextlib
import time
from collections.abc import Mapping, Sequence

from benchmarks import content_fill, content_reads, page_storage
from benchmarks.content_pages import Pages
from benchmarks.harness import Bench, Figure, percentile
from crawljobs.db.database import Connection, Database
from crawljobs.domain.reddit_items import Items
from crawljobs.repository.content import authors, stored_subreddits
from crawljobs.repository.content.page_storage import crawled_items
from crawljobs.repository.queue import leases

ITEMS, ITEMS_QUICK = 1_000_000, 20_000  # posts, and as many comments
SMALL, SMALL_QUICK = 100_000, 2_000  # of the database with which reads are compared
ROUNDS, ROUNDS_QUICK = 300, 20
READS_SHARE = 1 / 3  # of the rounds, because a round of reads takes longer than one of pages
HIGHEST_RATIO = 1.3  # of the p95 of a page in the full database to that in the empty one
GOLDEN_RATIO = 0.618034  # its multiples are spread evenly between whole numbers

Times = dict[tuple[str, str], list[float]]  # by the name of an operation and of a database


def measure(bench: Bench) -> list[Figure]:
    items = bench.items or (ITEMS_QUICK if bench.quick else ITEMS)
    small = SMALL_QUICK if bench.quick else min(SMALL, items)
    rounds = ROUNDS_QUICK if bench.quick else ROUNDS
    with contextlib.ExitStack() as stack:

        def opened(name: str, number: int) -> Database:
            url = stack.enter_context(bench.database(f"content_{name}"))
            content_fill.fill(url, items=number)
            database = Database(url, pool_size=1)
            stack.callback(database.close)
            return database

        full = opened("full", items)
        read = read_in_turns(
            {"full": (full, items), "small": (opened("small", small), small)},
            int(rounds * READS_SHARE),
        )
        stored = store_in_turns({"full": full, "empty": opened("empty", 0)}, Pages(items), rounds)
    return [
        *figures(stored, than="empty", limit=None if bench.quick else HIGHEST_RATIO),
        *figures(read, than="small"),
    ]


def figures(taken: Times, *, than: str, limit: float | None = None) -> list[Figure]:
    """Return p50 and p95 in the full database, and their ratios. `limit` is that of p95."""
    found = []
    for name in dict.fromkeys(name for name, _ in taken):
        for share, highest in ((0.5, None), (0.95, limit)):
            full, other = (
                1000 * percentile(taken[name, database], share) for database in ("full", than)
            )
            label = f"{name}, p{100 * share:.0f}"
            found += [
                Figure(label, full, "ms"),
                Figure(f"{label}, against {than}", full / other, "x", limit=highest),
            ]
    return found


def store_in_turns(databases: Mapping[str, Database], pages: Pages, rounds: int) -> Times:
    """Return the seconds of each page of each kind in each database."""
    crawls = {name: Crawl(database, pages) for name, database in databases.items()}
    taken: Times = {}
    for number in range(rounds):
        for kind, make in pages.kinds().items():
            items = make(number)
            for name in in_turn(list(databases), number):
                taken.setdefault((kind, name), []).append(crawls[name].store(items))
    return taken


class Crawl:
    """Stores pages in a database, which has the names that the pages use."""

    def __init__(self, database: Database, pages: Pages) -> None:
        self._database = database
        self._claim = page_storage.begin(database)
        with database.begin() as conn:
            authors.ensure(conn, accounts=pages.known_authors)
            self._subreddits = stored_subreddits.ensure(
                conn, names=pages.subreddits, discovered_from=None, depth=0
            )

    def store(self, items: Items) -> float:
        """Store a page and its checkpoint. Return the seconds that this took."""
        begun = time.perf_counter()
        self._database.run(lambda conn: self._write(conn, items))
        return time.perf_counter() - begun

    def _write(self, conn: Connection, items: Items) -> None:
        leases.save_checkpoint(conn, claim=self._claim, checkpoint={"v": 1, "phase": "posts"})
        crawled_items.store(conn, items=items, known_subreddits=self._subreddits)


def read_in_turns(databases: Mapping[str, tuple[Database, int]], rounds: int) -> Times:
    """Return the seconds of each read. Each round reads from another place of the tables."""
    taken: Times = {}
    for number in range(rounds):
        for name in in_turn(list(databases), number):
            database, items = databases[name]
            with database.read() as conn:
                values = content_reads.place(conn, items=items, share=number * GOLDEN_RATIO % 0.99)
                for read, rows in content_reads.READS.items():
                    begun = time.perf_counter()
                    conn.execute(rows, values).all()
                    taken.setdefault((read, name), []).append(time.perf_counter() - begun)
    return taken


def in_turn(names: Sequence[str], number: int) -> list[str]:
    """Return the names, in each round from another start."""
    start = number % len(names)
    return [*names[start:], *names[:start]]
