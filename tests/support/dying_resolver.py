"""A resolver in a process of its own, which is killed before a chosen statement.

The processes are forks of one process that has imported the resolver. So they start in
milliseconds, and a test can kill one at each statement.
"""

import multiprocessing
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import psycopg

from crawler_worker.maintenance import step_resolving
from crawljobs.db.database import Database
from crawljobs.repository.groups import settle
from support import groups

SECONDS = 60  # the longest run of a resolver

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload([__name__])


@dataclass(frozen=True)
class Run:
    """A run of the resolver. `killed_at` is the statement before which it was killed, or None."""

    statements: int
    killed_at: str | None


def run(url: str, folder: Path, *, dies_at: int = 0, chunk: int = settle.CHUNK) -> Run:
    """Resolve until nothing is left, and search for lost ends. Die before statement `dies_at`.

    A COMMIT counts as a statement. 0 means: never die.
    """
    report = folder / "statements"
    report.unlink(missing_ok=True)
    process = _forks.Process(target=_resolve, args=(url, report, dies_at, chunk))
    with mock.patch.dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)):
        process.start()  # the first call starts the process that imports the resolver
    process.join(SECONDS)
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    number, _, statement = report.read_text().partition("\n")
    return Run(int(number), statement if process.exitcode else None)


def _resolve(url: str, report: Path, dies_at: int, chunk: int) -> None:
    sent = _kill_at(report, dies_at)
    step_resolving.CHUNK = settle.CHUNK = chunk  # type: ignore[attr-defined]
    database = Database(url, pool_size=2)
    step_resolving.StepResolver(database).resolve()
    database.run(groups.record_lost_ends)
    database.close()
    report.write_text(str(len(sent)))


def _kill_at(report: Path, dies_at: int) -> list[str]:
    """Kill this process before statement `dies_at`. Returns the list that gets each statement."""
    sent: list[str] = []
    execute, commit = psycopg.Cursor.execute, psycopg.Connection.commit

    def before(statement: str) -> None:
        sent.append(statement)
        if len(sent) == dies_at:
            report.write_text(f"{len(sent)}\n{statement}")
            os.kill(os.getpid(), signal.SIGKILL)

    def execute_unless_killed(cursor: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        before(query.decode() if isinstance(query, bytes) else str(query))
        return execute(cursor, query, *arguments, **options)

    def commit_unless_killed(connection: Any) -> None:
        before("COMMIT")
        commit(connection)

    psycopg.Cursor.execute = execute_unless_killed  # type: ignore[assignment,method-assign]
    psycopg.Connection.commit = commit_unless_killed  # type: ignore[assignment,method-assign]
    return sent
