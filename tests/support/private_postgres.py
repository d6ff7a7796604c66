"""A Postgres of a test's own, to be killed: the other tests' sessions must not die with it."""

import contextlib
import os
import secrets
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil

from onebox.demo_errors import OneboxError
from onebox.postgres.embedded_postgres import EmbeddedPostgres
from onebox.postgres.server_options import Options
from support.databases import Databases
from support.waiting import wait_until

RESTART_SECONDS = 30  # sessions of a killed server hold its shared memory for a moment


class PrivatePostgres:
    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server
        self.databases = Databases(server.url(), secrets.token_hex(4), "private", "file_copy")

    def kill(self) -> None:
        """kill -9 of the postmaster; its sessions notice by themselves."""
        pid = self._server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_until(
            lambda: not self._server.is_running(), timeout=10, describe="the postmaster to end"
        )

    def start_again(self) -> None:
        """At the same address."""

        def starts() -> bool:
            try:
                self._server.start()
            except OneboxError:
                return False
            return True

        wait_until(starts, timeout=RESTART_SECONDS, describe="Postgres to start again")

    def kill_backend(self, pid: int) -> bool:
        """kill -9 of one session: the server ends all others and recovers. False: it had ended."""
        try:
            process = psutil.Process(pid)
            assert process.ppid() == self._server.pid
            process.kill()
        except psutil.NoSuchProcess:
            return False
        return True


@contextlib.contextmanager
def serve(folder: Path, choice: str, *, max_connections: int) -> Iterator[PrivatePostgres]:
    """`choice` as --postgres: the programs in a folder, else the embedded ones."""
    options = Options(
        durable=False,
        bindir=Path(choice) if Path(choice, "postgres").exists() else None,
        max_connections=max_connections,
        shared_buffers="16MB",
        settings={"synchronous_commit": "on"},  # what was committed outlives a kill
    )
    with EmbeddedPostgres(folder / "postgres", log=folder / "log", options=options) as server:
        yield PrivatePostgres(server)
