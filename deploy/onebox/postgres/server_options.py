"""The options of an embedded Postgres, and the server settings for these options."""

from dataclasses import dataclass, field
from pathlib import Path

from onebox.postgres import cluster

# The demo uses TCP, not a Unix socket. The path of a socket in the data folder could exceed the
# limit of 107 bytes.
HOST = "127.0.0.1"
EPHEMERAL = {  # faster settings for tests, whose data may be lost in a crash
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


@dataclass(frozen=True)
class Options:
    """The options of an embedded Postgres.

    Port 0 means the previous port, or any free port. None as `bindir` means the programs of the
    installed wheel.
    """

    port: int = 0
    durable: bool = True
    max_connections: int = 100
    shared_buffers: str = "128MB"
    bindir: Path | None = None
    free_bytes: int = cluster.FREE_BYTES
    settings: dict[str, str] = field(default_factory=dict)

    def server_settings(self, port: int, version: int) -> dict[str, str]:
        """Return the server's settings for its command line. `version` is the major version."""
        return {
            "listen_addresses": HOST,
            "port": str(port),
            "unix_socket_directories": "",
            "max_connections": str(self.max_connections),
            "shared_buffers": self.shared_buffers,
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_checkpoints": "off",
            "jit": "off",
            **({"io_method": "sync"} if version >= 18 else {}),
            **({} if self.durable else EPHEMERAL),
            **self.settings,
        }
