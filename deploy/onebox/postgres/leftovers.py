"""Remove a cluster outside its data folder after the data folder was deleted.

A marker file with a hard link in each of both folders connects them. The link count shows whether
the data folder was deleted or only moved.
"""

import contextlib
import os
import shutil
import sys
from pathlib import Path

MARKER = "belongs-to"  # beside the cluster; a folder without it is never removed
TIED = "tied"  # the second line of the marker, when the hard link could be made


def link_lifetime(data: Path, folder: Path) -> None:
    """Connect `folder` with the folder of `data`; call it again after a copy or a move."""
    marker, other = folder / MARKER, data.with_name(f"{data.name}.{MARKER}")
    with contextlib.suppress(FileNotFoundError):
        if marker.samefile(other) and marker.read_text().splitlines()[0] == str(data):
            return
    draft = other.with_name(f".{other.name}.{os.getpid()}")
    draft.write_text(f"{data}\n{TIED}\n")
    try:
        marker.unlink(missing_ok=True)
        os.link(draft, marker)
    except OSError:  # another file system allows no hard link: store only the path
        marker.write_text(f"{data}\n")
    draft.replace(other)


def remove(parent: Path) -> None:
    """Remove the clusters below `parent` whose data folder is gone and that no process uses."""
    if sys.platform != "linux":
        return  # without /proc, a process that uses a cluster cannot be detected
    for folder in parent.glob("cluster-*"):
        with contextlib.suppress(OSError, IndexError):
            if _is_abandoned(folder) and not _is_used(folder):
                shutil.rmtree(folder)


def _is_abandoned(folder: Path) -> bool:
    marker = folder / MARKER
    data, *tied = marker.read_text().splitlines()[:2]
    home = Path(data).parent
    if home.exists():
        return False
    # Without a hard link only the path is known. If its parent folder is missing too, the file
    # system may only be unmounted.
    return marker.stat().st_nlink == 1 if tied == [TIED] else home.parent.exists()


def _is_used(folder: Path) -> bool:
    """Whether a process of Postgres uses the cluster: its current folder is the data folder."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(folder):
                return True
    return False
