"""Read Postgres's file postmaster.pid, which names the server that uses a cluster."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from onebox.demo_errors import DataFolderError

PREVIOUS_SECONDS = 15  # limit of the wait; without its parent, a Postgres shuts down sooner
CHECK_SECONDS = 0.02


def await_previous(cluster: Path) -> None:
    """Wait until a previous Postgres on this cluster has ended. Raises DataFolderError.

    The system may have given the process id in the file to another process. Then Postgres would
    find a running process with this id, and would refuse to start. So this function replaces the
    id. It does not delete the file, because Postgres uses the other lines to check that no session
    of the previous server still runs.
    """
    for _ in _until(PREVIOUS_SECONDS):
        pid = recorded_pid(cluster)
        if pid is None or not _is_alive(pid):
            return
        if not _serves(pid, cluster):
            _replace_pid(cluster)
            return
    raise DataFolderError(
        f"Another Postgres, process {recorded_pid(cluster)}, still runs on {cluster}: "
        "stop it, or give another data folder."
    )


def recorded_pid(cluster: Path) -> int | None:
    """Return the process id in the file, or None if the file or the number is missing."""
    try:
        first = (cluster / "postmaster.pid").read_text().splitlines()[0]
        return int(first)
    except (FileNotFoundError, IndexError, ValueError):
        return None


def is_ready(cluster: Path, pid: int) -> bool:
    """Return whether the Postgres with this process id accepts connections.

    The program pg_ctl uses the same rule: line 8 of the file is `ready`.
    """
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _replace_pid(cluster: Path) -> None:
    """Write this process's id into the file, so that Postgres can start.

    Postgres refuses to start if the file has the id of a running process. But Postgres accepts the
    id of its own parent, and this process is the parent.
    """
    file = cluster / "postmaster.pid"
    _, *others = file.read_text().splitlines(keepends=True)
    file.write_text("".join([f"{os.getpid()}\n", *others]))


def _serves(pid: int, cluster: Path) -> bool:
    if sys.platform != "linux":
        # Without /proc, the demo cannot find out whether the process is a Postgres on this cluster.
        # Assume that the process is one, because two servers would destroy the cluster.
        return True
    try:
        return Path(f"/proc/{pid}/cwd").resolve(strict=True) == cluster.resolve()
    except OSError:
        return False


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _until(seconds: float) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(CHECK_SECONDS)
