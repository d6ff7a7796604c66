"""Remove a cluster if the data folder of its demo was deleted.

The cluster is in a separate folder if Postgres cannot reach the data folder. The cluster's folder
and the data folder each hold a hard link to the same marker file. The link count shows whether the
data folder was deleted or only moved.
"""

import contextlib
import os
import shutil
import sys
from pathlib import Path

MARKER = "belongs-to"  # a file in a cluster's folder; `remove` keeps folders without it
TIED = "tied"  # the second line of a marker file that also has a hard link in the data folder


def link_lifetime(data: Path, folder: Path) -> None:
    """Mark the cluster in `folder`, so that `remove` can notice that the data folder was deleted.

    `data` is the symbolic link from the data folder to the cluster. The function makes two hard
    links to one marker file: one link beside `data`, and one link in `folder`. Call the function
    again after a copy or move of the data folder.
    """
    marker, other = folder / MARKER, data.with_name(f"{data.name}.{MARKER}")
    with contextlib.suppress(FileNotFoundError):
        if marker.samefile(other) and marker.read_text().splitlines()[0] == str(data):
            return
    draft = other.with_name(f".{other.name}.{os.getpid()}")
    draft.write_text(f"{data}\n{TIED}\n")
    try:
        marker.unlink(missing_ok=True)
        os.link(draft, marker)
    except OSError:  # no hard links between two file systems: store only the path
        marker.write_text(f"{data}\n")
    draft.replace(other)


def remove(parent: Path) -> None:
    """Remove each cluster below `parent` that no process uses and whose data folder was deleted."""
    if sys.platform != "linux":
        return  # without /proc, this function cannot find the processes that use a cluster
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
    # With hard links, a link count of 1 shows that the data folder was deleted. Without hard links,
    # the data folder counts as deleted only if its parent folder exists. If the parent is missing
    # too, both folders may be on a file system that is not mounted.
    return marker.stat().st_nlink == 1 if tied == [TIED] else home.parent.exists()


def _is_used(folder: Path) -> bool:
    """Return whether a process runs in the cluster's folder, as the processes of Postgres do."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(folder):
                return True
    return False
