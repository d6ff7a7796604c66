"""A memory limit for a process, as Kubernetes sets it: a control group, made by root alone."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


@contextlib.contextmanager
def group(limit_bytes: int) -> Iterator[Path | None]:
    """A folder whose `cgroup.procs` takes the process; None where none can be made."""
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
        except OSError:  # the controller is not handed down to here
            yield None
        else:
            yield folder
    finally:
        with contextlib.suppress(OSError):
            folder.rmdir()


def most_used(folder: Path) -> int:
    """Bytes, the page cache of its files included."""
    for name in ("memory.max_usage_in_bytes", "memory.peak"):
        if (folder / name).exists():
            return int((folder / name).read_text())
    return 0


def high_water_mark(pid: int) -> int:
    """The most bytes that were resident in the process at a time."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024
