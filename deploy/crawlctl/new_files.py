"""Files that a command writes: it never overwrites one, and follows no symbolic link.

In a folder such as /tmp, other users may have put links beside the file.
"""

import os
import tempfile
from pathlib import Path
from typing import BinaryIO

from crawlctl.failures import CommandFailed, ExitCode


def in_the_way(path: Path) -> CommandFailed:
    """Return the error for a file that exists already."""
    return CommandFailed(
        f"{path} exists already: name another file, or delete it.", ExitCode.REFUSED
    )


def open_new(path: Path) -> BinaryIO:
    """Open an empty file. A file or a symbolic link with this name is deleted before."""
    path.unlink(missing_ok=True)
    return path.open("xb")


def open_existing(path: Path) -> BinaryIO:
    """Open a file to read and write. Raises OSError if its name is a symbolic link."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_NOFOLLOW), "r+b")


def replace(path: Path, text: str) -> None:
    """Replace a file by a new one with this text. A symbolic link is replaced, not followed."""
    handle, new = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(new).replace(path)
    except BaseException:
        Path(new).unlink(missing_ok=True)
        raise
