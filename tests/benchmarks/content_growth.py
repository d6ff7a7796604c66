"""Measure page storage and keyset reads with millions of posts and comments.

Page storage takes turns in a full and in an empty database, reads in a full one and in a small one.
Pages are stored with the usual checkpoints of Postgres, then with those of the deployment files.
"""

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import psycopg

from benchmarks import content_fill, content_reads
from benchmarks.content_crawl import Crawl
from benchmarks.content_pages import Pages
from benchmarks.harness import Bench, Figure, percentile
from crawljobs.db.database import Database

ITEMS, ITEMS_QUICK = 1_000_000, 20_000  # posts, and as many comments
SMALL, SMALL_QUICK = 100_000, 2_000  # of the database with which reads are compared
ROUNDS, ROUNDS_QUICK = 300, 20
READS_SHARE = 1 / 3  # of the rounds, because a round of reads takes longer than one of pages
HIGHEST_RATIO = 1.3  # of the p95 of a page in the full database to that in the empty one
GOLDEN_RATIO = 0.618034  # its multiples are spread evenly between whole numbers
# The first change of a page after a checkpoint logs the whole page. Rare checkpoints avoid this.
RARE_CHECKPOINTS = {"max_wal_size": "4GB", "checkpoint_timeout": "15min"}


@dataclass
class Taken:
    """The seconds of each operation of one kind in one database, and the rows that it returned."""

    seconds: list[float] = field(default_factory=list)
    rows: int = 0

    def add(self, begun: float, *, rows: int = 0) -> None:
        self.seconds.append(time.perf_counter() - begun)
        self.rows += rows

    def milliseconds(self, share: float) -> float:
        return 1000 * percentile(self.seconds, share)

    @property
    def of_a_row(self) -> float:
        return sum(self.seconds) / max(1, self.rows)


All = dict[tuple[str, str], Taken]  # by the name of an operation and of a database


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

        full, of_reads = opened("full", items), opened("small", small)
        read = read_in_turns(
            {"full": (full, items), "small": (of_reads, small)}, int(rounds * READS_SHARE)
        )
        pages = Pages(items)
        crawls = {
            name: Crawl(database, pages)
            for name, database in {"full": full, "empty": opened("empty", 0)}.items()
        }
        usual = store_in_turns(crawls, pages, range(rounds))
        with rare_checkpoints(bench.server_url):
            store_in_turns(crawls, pages, range(rounds, 2 * rounds))
            rare = store_in_turns(crawls, pages, range(2 * rounds, 3 * rounds))
    return [
        *stored_figures(usual, "usual checkpoints", limit=None),
        *stored_figures(rare, "rare checkpoints", limit=None if bench.quick else HIGHEST_RATIO),
        *read_figures(read),
    ]


def stored_figures(taken: All, checkpoints: str, *, limit: float | None) -> Iterator[Figure]:
    """Return p50 and p95 in the full database, and their ratios. `limit` is that of p95."""
    for kind in kinds_of(taken):
        for share, highest in ((0.5, None), (0.95, limit)):
            full, empty = (taken[kind, name].milliseconds(share) for name in ("full", "empty"))
            label = f"{kind}, {checkpoints}, p{100 * share:.0f}"
            yield Figure(label, full, "ms")
            yield Figure(f"{label}, against empty", full / empty, "x", limit=highest)


def read_figures(taken: All) -> Iterator[Figure]:
    """Return p50 and p95 in the full database, and the ratio of the time of a row."""
    for read in kinds_of(taken):
        full, small = (taken[read, name] for name in ("full", "small"))
        yield Figure(f"{read}, p50", full.milliseconds(0.5), "ms")
        yield Figure(f"{read}, p95", full.milliseconds(0.95), "ms")
        yield Figure(f"{read}, time of a row against small", full.of_a_row / small.of_a_row, "x")


def kinds_of(taken: All) -> list[str]:
    return list(dict.fromkeys(kind for kind, _ in taken))


def store_in_turns(crawls: Mapping[str, Crawl], pages: Pages, numbers: Iterable[int]) -> All:
    """Store the pages with these numbers, one of each kind, in each database."""
    taken: All = {}
    for number in numbers:
        for kind, make in pages.kinds().items():
            items = make(number)
            for name in in_turn(list(crawls), number):
                begun = time.perf_counter()
                crawls[name].store(items)
                taken.setdefault((kind, name), Taken()).add(begun)
    return taken


def read_in_turns(databases: Mapping[str, tuple[Database, int]], rounds: int) -> All:
    """Read in each database. Each round reads from another place of the tables."""
    taken: All = {}
    for number in range(rounds):
        for name in in_turn(list(databases), number):
            database, items = databases[name]
            with database.read() as conn:
                values = content_reads.place(conn, items=items, share=number * GOLDEN_RATIO % 0.99)
                for read, statement in content_reads.READS.items():
                    begun = time.perf_counter()
                    rows = conn.execute(statement, values).all()
                    taken.setdefault((read, name), Taken()).add(begun, rows=len(rows))
    return taken


@contextlib.contextmanager
def rare_checkpoints(server_url: str) -> Iterator[None]:
    """Let the server make checkpoints as rarely as the deployment files do, during the block."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        for name, value in RARE_CHECKPOINTS.items():
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")  # type: ignore[call-overload]
        connection.execute("SELECT pg_reload_conf()")
        try:
            yield
        finally:
            for name in RARE_CHECKPOINTS:
                connection.execute(f"ALTER SYSTEM RESET {name}")  # type: ignore[call-overload]
            connection.execute("SELECT pg_reload_conf()")


def in_turn(names: Sequence[str], number: int) -> list[str]:
    """Return the names, in each round from another start."""
    start = number % len(names)
    return [*names[start:], *names[:start]]
