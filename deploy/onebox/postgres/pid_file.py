"""postmaster.pid: whether another Postgres uses the cluster, and whether ours is ready."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from onebox.demo_errors import DataFolderError

PREVIOUS_SECONDS = 15  # limit for a Postgres whose parent was killed to shut down
CHECK_SECONDS = 0.02


def await_previous(cluster: Path) -> None:
    """Wait until a previous Postgres on this cluster has ended. Raises DataFolderError.

    If another process now has the recorded pid, Postgres would take it for its predecessor and
    refuse to start. Then the pid is replaced. The file stays: from its other lines Postgres finds
    sessions that are still alive.
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
    """The pid in the file; None without a file or a number."""
    try:
        first = (cluster / "postmaster.pid").read_text().splitlines()[0]
        return int(first)
    except (FileNotFoundError, IndexError, ValueError):
        return None


def is_ready(cluster: Path, pid: int) -> bool:
    """Whether the Postgres with this pid accepts connections, by the rule of pg_ctl: line 8."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _replace_pid(cluster: Path) -> None:
    """Write our own pid: Postgres ignores the pid of its parent process."""
    file = cluster / "postmaster.pid"
    _, *others = file.read_text().splitlines(keepends=True)
    file.write_text("".join([f"{os.getpid()}\n", *others]))


def _serves(pid: int, cluster: Path) -> bool:
    if sys.platform != "linux":
        return True  # unknown without /proc: a refusal is safer than two servers on one cluster
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
