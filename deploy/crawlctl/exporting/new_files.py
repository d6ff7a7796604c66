"""Write files in a folder where other users may have put symbolic links, such as /tmp."""

import os
import tempfile
from pathlib import Path
from typing import BinaryIO


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
