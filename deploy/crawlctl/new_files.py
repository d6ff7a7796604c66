"""Functions for files that a command writes. They follow no symbolic link.

In a folder such as /tmp, another user may have put a link in the place of the file.
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
    """Open a new, empty file. First delete a file or a symbolic link that has its name."""
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
