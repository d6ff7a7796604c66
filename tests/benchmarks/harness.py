"""A private Postgres for the benchmarks, with durable settings, and the type of their results."""

import contextlib
import math
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from onebox import migrate
from onebox.postgres.embedded_postgres import EmbeddedPostgres
from onebox.postgres.server_options import Options

SHARED_BUFFERS = "512MB"
MAX_CONNECTIONS = 200


@dataclass(frozen=True)
class Figure:
    """One result. If `limit` or `at_least` is set, the value must lie within this bound."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    at_least: float | None = None

    @property
    def must(self) -> str:
        bounds = {"at most": self.limit, "at least": self.at_least}
        given = {word: bound for word, bound in bounds.items() if bound is not None}
        return ", ".join(f"{word} {bound:.3g} {self.unit}".strip() for word, bound in given.items())

    @property
    def verdict(self) -> str:
        if self.limit is None and self.at_least is None:
            return ""
        too_much = self.limit is not None and self.value > self.limit
        too_little = self.at_least is not None and self.value < self.at_least
        return "FALLS SHORT" if too_much or too_little else "holds"


@dataclass(frozen=True)
class Bench:
    """The input of a workload: a server for its databases, and whether a quick run is wanted."""

    server_url: str
    quick: bool
    programs: Path  # the folder of the server's programs, with pgbench
    items: int | None = None  # the number of posts of `content_growth`; None: its own number

    @contextlib.contextmanager
    def database(self, name: str) -> Iterator[str]:
        """Create and migrate a database, yield its address, and drop the database at the end."""
        with self.empty_database(name) as url:
            migrate.upgrade(url)
            yield url

    @contextlib.contextmanager
    def empty_database(self, name: str) -> Iterator[str]:
        """Create a database without tables, yield its address, and drop the database at the end."""
        with psycopg.connect(self.server_url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        url = self.server_url.rsplit("/", 1)[0] + f"/{name}"
        try:
            yield url
        finally:
            with psycopg.connect(self.server_url, autocommit=True) as connection:
                drop = sql.SQL("DROP DATABASE {} WITH (FORCE)")
                connection.execute(drop.format(sql.Identifier(name)))


@contextlib.contextmanager
def private_server(*, quick: bool, items: int | None = None) -> Iterator[Bench]:
    options = Options(durable=True, max_connections=MAX_CONNECTIONS, shared_buffers=SHARED_BUFFERS)
    with tempfile.TemporaryDirectory(prefix="crawljobs-bench-") as folder:
        data = Path(folder)
        with EmbeddedPostgres(data / "postgres", log=data / "log", options=options) as server:
            yield Bench(server.url(), quick, server.bindir, items)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def spread(values: Sequence[float]) -> str:
    return (
        f"median {statistics.median(values):.3g}, p99 {percentile(values, 0.99):.3g}, "
        f"max {max(values):.3g}"
    )
