"""Run an embedded Postgres from the programs in a wheel, without a system service or Docker."""

import contextlib
import hmac
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import IO

from onebox import die_with_parent
from onebox.demo_errors import PostgresError
from onebox.postgres import binaries, cluster, free_port, pid_file, place
from onebox.postgres.server_options import HOST, Options

# The time limit for the start of the server. A start may include a recovery after a crash.
READY_SECONDS = 60
PORT_TRIES = 5  # limit of repeated starts, each on another port, if a port is in use
# The limit of repeated starts if sessions of a killed server still use the cluster. These sessions
# end soon, so the pause between two starts is only SESSIONS_SECONDS.
SESSIONS_TRIES = 50
SESSIONS_SECONDS = 0.2
FAST_SECONDS = 20  # time for Postgres to close its sessions and sync its data after SIGINT
QUIT_SECONDS = 5
LOG_BYTES = 2**20  # the start renames a longer log to NAME.log.1
PORT_FILE = "crawljobs_port"


class EmbeddedPostgres:
    """A Postgres server. It runs from `start` to `stop`, or during a with block.

    The server ends with this process. Call `start` in the main thread, because the kernel stops the
    server when the thread that started it ends.
    """

    def __init__(self, data: Path, *, log: Path, options: Options | None = None) -> None:
        self._options = options or Options()
        self._log = log
        self._user = binaries.server_user()
        self._programs = binaries.locate(self._options.bindir, self._user)
        self.data = place.place(data.absolute(), self._user)
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "EmbeddedPostgres":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def version(self) -> int:
        return self._programs.major

    @property
    def bindir(self) -> Path:
        return self._programs.bindir

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def url(self, database: str = "postgres") -> str:
        return self.url_as(cluster.SUPERUSER, self._password(), database)

    def url_as(self, role: str, password: str, database: str) -> str:
        return f"postgresql://{role}:{password}@{HOST}:{self.port}/{database}"

    def password_of(self, role: str) -> str:
        """Return the password of a role. It is computed from the cluster's secret, not stored."""
        return hmac.new(self._password().encode(), role.encode(), "sha256").hexdigest()

    def _password(self) -> str:
        return (self.data / cluster.PASSWORD_FILE).read_text().strip()

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the server and wait until it accepts connections. An error stops the server."""
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Start the server. Do not wait until it is ready, so that other processes can start."""
        cluster.prepare(
            self.data,
            self._programs,
            self._user,
            durable=self._options.durable,
            free_bytes=self._options.free_bytes,
        )
        pid_file.await_previous(self.data)
        self._spawn()

    def wait_until_ready(self) -> None:
        tries = 0
        deadline = time.monotonic() + READY_SECONDS
        while self._process and not pid_file.is_ready(self.data, self._process.pid):
            if not self.is_running():
                self._spawn_again(tries)
                tries += 1
            if time.monotonic() > deadline:
                self.stop()
                late = f"Postgres was not ready within {READY_SECONDS} s: see {self._log}"
                raise PostgresError(late)
            time.sleep(pid_file.CHECK_SECONDS / 2)
        with contextlib.suppress(OSError):
            (self.data / PORT_FILE).write_text(str(self.port))

    def _spawn_again(self, tries: int) -> None:
        """Start Postgres again if its port was taken, or if sessions of a killed server still run.

        Raises PostgresError or DataFolderError after any other failure.
        """
        reason = cluster.failure_reason(self._log, self._log_start)
        if "Address already in use" in reason and tries < PORT_TRIES and not self._options.port:
            self.port = 0
        elif "is still in use" in reason and tries < SESSIONS_TRIES:
            time.sleep(SESSIONS_SECONDS)
        else:
            summary = f"Postgres did not start on {self.data} (see {self._log})"
            raise cluster.failure(summary, reason, self.data)
        self._spawn()

    def stop(self) -> None:
        """Stop the server: close all sessions and keep all committed data."""
        if self._process is None:
            return
        for number, seconds in (
            (signal.SIGINT, FAST_SECONDS),
            (signal.SIGQUIT, QUIT_SECONDS),
            (signal.SIGKILL, None),
        ):
            self._process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
                break
        self._process = None

    def _spawn(self) -> None:
        self.port = self.port or free_port.choose(self._options.port, self.data / PORT_FILE)
        settings = self._options.server_settings(self.port, self.version)
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self._open_log() as log:
            self._log_start = log.tell()
            self._process = die_with_parent.spawn(
                [self._programs.program("postgres"), "-D", self.data, *arguments],
                signal=signal.SIGINT if self._options.durable else signal.SIGQUIT,
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
                cwd=Path("/"),
                output=log,
                run_as=self._user,
            )

    def _open_log(self) -> IO[bytes]:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        if self._log.exists() and self._log.stat().st_size > LOG_BYTES:
            self._log.replace(self._log.with_name(f"{self._log.name}.1"))
        log = self._log.open("ab")
        log.seek(0, os.SEEK_END)
        return log
