"""The data folder: database, token and logs. One process uses it at a time."""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from onebox.demo_errors import DataFolderError

TOKEN_BYTES = 32
PRIVATE = 0o600


@dataclass(frozen=True)
class DataFolder:
    path: Path

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def database_url(self) -> Path:
        return self.path / "database-url"

    @property
    def admin_token(self) -> Path:
        return self.path / "admin-token"

    @property
    def admin_header(self) -> Path:
        """The token as a header, for `curl -H @FILE`: every user can read a command line."""
        return self.path / "admin-header"

    @property
    def sandbox_ready(self) -> Path:
        return self.path / "sandbox.json"

    @property
    def migrated(self) -> Path:
        return self.path / "migrated"

    @property
    def source(self) -> Path:
        """The file that names the Reddit whose data the folder holds."""
        return self.path / "reddit-source"

    def token(self) -> str:
        """The admin-api's token, created at the first start."""
        token = ""
        with contextlib.suppress(FileNotFoundError):
            token = self.admin_token.read_text().strip()
        if not token:
            token = secrets.token_urlsafe(TOKEN_BYTES)
            write_private(self.admin_token, f"{token}\n")
        write_private(self.admin_header, f"Authorization: Bearer {token}\n")
        return token


@contextlib.contextmanager
def opened(path: Path) -> Iterator[DataFolder]:
    """Create the folder if it is missing, and lock it; the lock ends with this process.

    Raises DataFolderError.
    """
    path = path.absolute()
    try:
        # If root runs the demo, Postgres runs as another user, which must pass through the folder
        # but need not list it.
        path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        lock = (path / "lock").open("a+")
    except OSError as error:
        raise DataFolderError(
            f"The data folder {path} cannot be used ({error.strerror}): "
            "make it writable, or give another one with --data."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise DataFolderError(
                f"Another demo (process {lock.read(20).strip() or 'unknown'}) uses {path}: "
                "stop it, or give another folder with --data."
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        folder = DataFolder(path)
        try:
            folder.logs.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise DataFolderError(f"{folder.logs} cannot be made ({error.strerror}).") from error
        yield folder


def write_private(path: Path, content: str) -> None:
    """Write a file atomically; only its owner can read it. Raises DataFolderError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "w") as file:
            file.write(content)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise DataFolderError(f"{path} cannot be written ({error.strerror}).") from error
