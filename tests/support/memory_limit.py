"""A memory limit for a process by a control group, as in Kubernetes. Only root can create one."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


@contextlib.contextmanager
def group(limit_bytes: int) -> Iterator[Path | None]:
    """Yield the folder of a new control group, or None if it cannot be created.

    A process joins the group when its pid is written to the file `cgroup.procs`.
    """
    version_1 = ROOT / "memory"
    parent = version_1 if version_1.is_dir() else ROOT
    folder = parent / f"crawljobs-tests-{os.getpid()}"
    limit = "memory.limit_in_bytes" if parent is version_1 else "memory.max"
    try:
        folder.mkdir()
    except OSError:
        yield None
        return
    try:
        try:
            (folder / limit).write_text(str(limit_bytes))
        except OSError:  # the memory controller is not enabled for this group
            yield None
        else:
            yield folder
    finally:
        with contextlib.suppress(OSError):
            folder.rmdir()


def most_used(folder: Path) -> int:
    """Return the group's highest memory use in bytes, including the page cache of its files."""
    for name in ("memory.max_usage_in_bytes", "memory.peak"):
        if (folder / name).exists():
            return int((folder / name).read_text())
    return 0


def high_water_mark(pid: int) -> int:
    """Return the highest resident memory of the process so far, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024
