"""postmaster.pid: is a Postgres there already, and is ours ready."""

import time
from collections.abc import Iterator
from pathlib import Path

from onebox.errors import DataFolderError

PREVIOUS_SECONDS = 15  # a Postgres whose parent was killed is still shutting down
CHECK_SECONDS = 0.02


def await_previous(cluster: Path) -> None:
    """Let a Postgres whose parent was killed end, and drop the pid file of one that is gone.

    Postgres itself takes any process that now has the old pid for its predecessor, and would
    refuse to start.
    """
    pid_file = cluster / "postmaster.pid"
    for _ in _until(PREVIOUS_SECONDS):
        pid = recorded_pid(cluster)
        if pid is None:
            return
        if not _serves(pid, cluster):
            pid_file.unlink(missing_ok=True)
            return
    raise DataFolderError(
        f"Another Postgres, process {recorded_pid(cluster)}, still runs on {cluster}: "
        "stop what started it, or give another data folder."
    )


def recorded_pid(cluster: Path) -> int | None:
    try:
        first = (cluster / "postmaster.pid").read_text().splitlines()[0]
        return int(first)
    except (FileNotFoundError, IndexError, ValueError):
        return None


def is_ready(cluster: Path, pid: int) -> bool:
    """As pg_ctl asks it: line 8 of the pid file says so, and the file is that process's."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _serves(pid: int, cluster: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").resolve(strict=True) == cluster.resolve()
    except OSError:
        return False


def _until(seconds: float) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(CHECK_SECONDS)
