"""Choose the cluster's folder, so that the system user of Postgres can reach it."""

import os
import tempfile
from pathlib import Path

from onebox.demo_errors import DataFolderError
from onebox.die_with_parent import SystemUser, run_as
from onebox.postgres import leftovers

# The cluster is stored below this folder if only root can reach the data folder.
ELSEWHERE = Path("/var/lib/crawljobs")
ANSWER_SECONDS = 10


def place(data: Path, user: SystemUser | None) -> Path:
    """Return the cluster's folder: `data`, or a folder below ELSEWHERE if `user` cannot reach it.

    In the second case `data` becomes a link to the folder. Raises DataFolderError if `user` can
    reach neither `data` nor ELSEWHERE.
    """
    if user is not None:
        leftovers.remove(ELSEWHERE)
    try:
        data.parent.mkdir(mode=0o700 if user is None else 0o711, parents=True, exist_ok=True)
        if data.is_symlink() and not data.exists():
            data.unlink()  # the target of the link was deleted, so the demo creates a new cluster
        if not os.access(data.parent, os.W_OK):
            raise PermissionError(13, "Permission denied")
        if data.exists():
            link, data = data, data.resolve()
            if data.parent.parent == ELSEWHERE.resolve():
                leftovers.link_lifetime(link, data.parent)
        if user is None or _reaches(user, data.parent):
            return data
        if data.exists():
            raise DataFolderError(
                f"Postgres runs as the user {user.name}, who cannot reach {data}: "
                "move it away, or give that user access."
            )
        return _place_elsewhere(data, user)
    except OSError as error:
        raise DataFolderError(
            f"The data folder {data.parent} cannot be written ({error.strerror}): "
            "give another one, or make it writable."
        ) from error


def _reaches(user: SystemUser, folder: Path) -> bool:
    command = ["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)]
    return run_as(user, command, timeout=ANSWER_SECONDS).returncode == 0


def _place_elsewhere(data: Path, user: SystemUser) -> Path:
    ELSEWHERE.mkdir(mode=0o711, parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="cluster-", dir=ELSEWHERE))
    if not _reaches(user, ELSEWHERE):
        folder.rmdir()
        raise DataFolderError(
            f"The user {user.name} can reach neither {data} nor {ELSEWHERE}: "
            "give another data folder."
        )
    folder.chmod(0o711)
    leftovers.link_lifetime(data, folder)
    data.symlink_to(folder / data.name)
    return folder / data.name
