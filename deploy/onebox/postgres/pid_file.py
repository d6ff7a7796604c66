"""postmaster.pid: is a Postgres there already, and is ours ready."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from onebox.demo_errors import DataFolderError

PREVIOUS_SECONDS = 15  # a Postgres whose parent was killed is still shutting down
CHECK_SECONDS = 0.02


def await_previous(cluster: Path) -> None:
    """Let a Postgres whose parent was killed end; disown the pid of one that is gone.

    Postgres itself takes any process that now has the old pid for its predecessor, and would
    refuse to start. The file stays: by its other lines Postgres finds sessions that live on.
    """
    for _ in _until(PREVIOUS_SECONDS):
        pid = recorded_pid(cluster)
        if pid is None or not _is_alive(pid):
            return
        if not _serves(pid, cluster):
            _disown(cluster)
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


def _disown(cluster: Path) -> None:
    """Postgres knows that its parent, which we shall be, is none of its kind."""
    file = cluster / "postmaster.pid"
    _, *others = file.read_text().splitlines(keepends=True)
    file.write_text("".join([f"{os.getpid()}\n", *others]))


def _serves(pid: int, cluster: Path) -> bool:
    if sys.platform != "linux":
        return True  # whose process it is cannot be told: better to refuse than to run two
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
