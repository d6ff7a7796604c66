"""A separate Postgres for tests that kill the server, so that other tests keep their sessions."""

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

RESTART_SECONDS = 30  # after a kill, old sessions hold the shared memory for a short time


class PrivatePostgres:
    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server
        self.databases = Databases(server.url(), secrets.token_hex(4), "private", "file_copy")

    def kill(self) -> None:
        """Kill the postmaster with SIGKILL. The sessions detect this and end by themselves."""
        pid = self._server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_until(
            lambda: not self._server.is_running(), timeout=10, describe="the postmaster to end"
        )

    def start_again(self) -> None:
        """Start the server again at the same address."""

        def starts() -> bool:
            try:
                self._server.start()
            except OneboxError:
                return False
            return True

        wait_until(starts, timeout=RESTART_SECONDS, describe="Postgres to start again")

    def kill_backend(self, pid: int) -> bool:
        """Kill a session with SIGKILL, so that the server ends all sessions and recovers.

        Returns False if the session had already ended.
        """
        try:
            process = psutil.Process(pid)
            assert process.ppid() == self._server.pid
            process.kill()
        except psutil.NoSuchProcess:
            return False
        return True


@contextlib.contextmanager
def serve(folder: Path, choice: str, *, max_connections: int) -> Iterator[PrivatePostgres]:
    """Start a Postgres, and yield it.

    `choice` is the option --postgres. If it is a folder with Postgres' programs, they are used.
    Otherwise the embedded programs are used.
    """
    options = Options(
        durable=False,
        bindir=Path(choice) if Path(choice, "postgres").exists() else None,
        max_connections=max_connections,
        shared_buffers="16MB",
        settings={"synchronous_commit": "on"},  # committed data survives a kill
    )
    with EmbeddedPostgres(folder / "postgres", log=folder / "log", options=options) as server:
        yield PrivatePostgres(server)
