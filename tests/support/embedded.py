"""A small embedded Postgres for a test, and a program that runs one until its stdin ends."""

from pathlib import Path

import psycopg

from onebox.postgres.embedded_postgres import EmbeddedPostgres
from onebox.postgres.server_options import Options

THROWAWAY = Options(durable=False, max_connections=10, shared_buffers="16MB")
HOLD_ONE = """
import sys, pathlib
from onebox.postgres.embedded_postgres import EmbeddedPostgres
from onebox.postgres.server_options import Options
folder = pathlib.Path(sys.argv[1])
server = EmbeddedPostgres(folder / "postgres", log=folder / "log", options=Options(free_bytes=0))
server.start()
print(server.pid, server.url(), flush=True)
sys.stdin.read()
server.stop()
"""


def embedded(folder: Path, options: Options = THROWAWAY) -> EmbeddedPostgres:
    return EmbeddedPostgres(folder / "postgres", log=folder / "log", options=options)


def query(url: str, statement: str) -> object:
    with psycopg.connect(url, connect_timeout=5) as connection:
        row = connection.execute(statement).fetchone()
    return row[0] if row else None
