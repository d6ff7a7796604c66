"""A new file whose name ends in `.part` until its content is complete."""

import os
from pathlib import Path
from typing import BinaryIO

from crawlctl import new_files


class UnfinishedFile:
    """The file `path` while it is written. A subclass opens `_part`, and stores it in `_file`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f"{path.name}.part")
        self._file: BinaryIO | None = None

    def _check_name(self) -> None:
        """Raise CommandFailed if a file already has the final name."""
        if self._path.exists():
            raise new_files.in_the_way(self._path)

    @property
    def _opened(self) -> BinaryIO:
        if self._file is None:
            raise ValueError("the file is not open")
        return self._file

    def finish(self) -> None:
        """Close the complete file, and give it its final name."""
        file = self._opened
        file.flush()
        os.fsync(file.fileno())
        file.close()
        self._file = None
        self._part.replace(self._path)
