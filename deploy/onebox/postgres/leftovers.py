"""Clusters that lie elsewhere than their data folder are removed once that folder is deleted.

What ties them is a file with two names, one in each: it knows a folder that was only moved.
"""

import contextlib
import os
import shutil
import sys
from pathlib import Path

MARKER = "belongs-to"  # beside the cluster; without it a folder is not ours
TIED = "tied"  # its second line, when the file could have its other name


def tie(data: Path, folder: Path) -> None:
    """Have `folder` live as long as the folder of `data`; again after that was copied or moved."""
    marker, other = folder / MARKER, data.with_name(f"{data.name}.{MARKER}")
    with contextlib.suppress(FileNotFoundError):
        if marker.samefile(other) and marker.read_text().splitlines()[0] == str(data):
            return
    draft = other.with_name(f".{other.name}.{os.getpid()}")
    draft.write_text(f"{data}\n{TIED}\n")
    try:
        marker.unlink(missing_ok=True)
        os.link(draft, marker)
    except OSError:  # another file system: only the path can be looked at
        marker.write_text(f"{data}\n")
    draft.replace(other)


def remove(parent: Path) -> None:
    """Those below `parent` whose data folder is gone and that no process uses."""
    if sys.platform != "linux":
        return  # who uses them could not be told
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
    # Without the other name, a home whose own parent is gone too may just not be mounted.
    return marker.stat().st_nlink == 1 if tied == [TIED] else home.parent.exists()


def _is_used(folder: Path) -> bool:
    """Every process of a Postgres works in its data."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(folder):
                return True
    return False
