"""PgBouncer from Debian, with its Kubernetes configuration except the addresses and TLS."""

import contextlib
import os
import pwd
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import URL

from support import images, needs
from support.free_ports import free_port
from support.waiting import wait_until

SHIPPED = images.ROOT / "deploy/kubernetes/components/pgbouncer/pgbouncer.ini"
START_SECONDS = 15
STOP_SECONDS = 10
UNASKED = "unasked"  # a password for the pooler, if the server itself needs none


@dataclass
class PgBouncer:
    """A pooler in front of a server. `url` leads through the pooler, `direct_url` to the server."""

    folder: Path
    direct_url: str
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return self.way_for(self.direct_url)

    def way_for(self, direct_url: str) -> str:
        """Return an address through the pooler, with the user and database of `direct_url`."""
        parts = conninfo_to_dict(direct_url)
        address = URL.create(
            "postgresql",
            str(parts["user"]),
            str(parts.get("password") or UNASKED),
            "127.0.0.1",
            self.port,
            str(parts["dbname"]),
        )
        return address.render_as_string(hide_password=False)

    def start(self) -> None:
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [program(), *user, self.folder / "pgbouncer.ini"], stdout=log, stderr=log
            )
        wait_until(self._answers, timeout=START_SECONDS, describe=self.log)

    def stop(self) -> None:
        """Kill the pooler. This breaks all connections through it."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(STOP_SECONDS)

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-3000:]

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(self.url, connect_timeout=2).close()
            return True
        return False


def program() -> str:
    for folder in ("/usr/sbin", "/usr/bin"):
        if Path(folder, "pgbouncer").exists():
            return f"{folder}/pgbouncer"
    return needs.missing("pgbouncer")


@contextlib.contextmanager
def serve(folder: Path, direct_url: str, *others: str) -> Iterator[PgBouncer]:
    """Start a pooler, and yield it. It accepts the users and passwords of all these addresses."""
    program()
    port = free_port()
    pooler = PgBouncer(folder, direct_url, port)
    (folder / "pgbouncer.ini").write_text(configuration(folder, direct_url, port))
    known = [conninfo_to_dict(url) for url in (direct_url, *others)]
    secrets = folder / "userlist.txt"
    secrets.write_text(
        "".join(f'"{one["user"]}" "{one.get("password") or UNASKED}"\n' for one in known)
    )
    for path in (folder, secrets, folder / "pgbouncer.ini"):
        if os.geteuid() == 0:
            os.chown(path, pwd.getpwnam("nobody").pw_uid, -1)
    try:
        pooler.start()
        yield pooler
    finally:
        pooler.stop()


def configuration(folder: Path, direct_url: str, port: int) -> str:
    """Return the configuration of production with local addresses and without TLS.

    Each replacement must match exactly one line. All other lines are those of production.
    """
    server = conninfo_to_dict(direct_url)
    text = re.sub(r"^(client|server)_tls_\w+ = .*\n", "", SHIPPED.read_text(), flags=re.MULTILINE)
    changes = {
        r"^\* = host=\S+ port=5432$": "* = "
        + make_conninfo(host=server["host"], port=server.get("port") or 5432),
        r"^listen_addr = \*$": "listen_addr = 127.0.0.1",
        r"^listen_port = 6432$": f"listen_port = {port}",
        r"^auth_file = \S+$": f"auth_file = {folder / 'userlist.txt'}",
    }
    for pattern, line in changes.items():
        text, found = re.subn(pattern, lambda _, line=line: line, text, flags=re.MULTILINE)
        assert found == 1, pattern
    return text
