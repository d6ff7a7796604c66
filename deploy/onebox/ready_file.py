"""The ready file. It shows other programs that all processes of the demo work."""

import os
from pathlib import Path

from onebox.demo_errors import OneboxError


def forget(ready_file: Path) -> None:
    """Delete the ready file of an earlier run.

    Raises OneboxError if the file cannot be deleted, or could not be written later.
    """
    folder = ready_file.absolute().parent
    problem = None
    try:
        ready_file.unlink(missing_ok=True)
    except OSError as error:
        problem = error.strerror
    if not folder.is_dir():
        problem = f"there is no folder {folder}"
    elif not os.access(folder, os.W_OK):
        problem = f"{folder} cannot be written to"
    if problem:
        raise OneboxError(
            f"The ready file {ready_file} cannot be written ({problem}): "
            "name another one with --ready-file."
        )
