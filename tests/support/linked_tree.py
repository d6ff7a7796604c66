"""Second names for large files, where they only have to lie elsewhere too."""

import os
import shutil
from pathlib import Path


def make(original: Path, place: Path) -> None:
    shutil.copytree(original, place, symlinks=True, copy_function=_link)


def _link(original: str, place: str) -> None:
    """Or a copy, on another file system."""
    try:
        os.link(original, place)
    except OSError:
        shutil.copy2(original, place)
