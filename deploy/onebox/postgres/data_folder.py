"""The data folder, with database, token and logs. Only one demo at a time uses a data folder."""

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
LOCK_MAX = 20  # limit of the length of a process id in characters
# Entries that do not show which program used the folder. For example, a demo that was killed at its
# start leaves an empty file `lock`, and a new file system has a folder `lost+found`.
UNMARKED = {"lock", "logs", "lost+found"}


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
    def reader_url(self) -> Path:
        """The file with the URL by which a read-only role connects to the embedded database."""
        return self.path / "reader-url"

    @property
    def admin_token(self) -> Path:
        return self.path / "admin-token"

    @property
    def admin_header(self) -> Path:
        """A file with the token as an HTTP header, for `curl -H @FILE`.

        Without the file, the token would be in the command line, which all local users can read.
        """
        return self.path / "admin-header"

    @property
    def api_url(self) -> Path:
        """The file with the address of the admin-api while the demo runs, for `./run ctl`."""
        return self.path / "api-url"

    @property
    def webhook_master_key(self) -> Path:
        return self.path / "webhook-master-key"

    @property
    def content_key(self) -> Path:
        """The file with the key of pseudonyms and erased authors. `make_content_key` creates it."""
        return self.path / "content-key"

    @property
    def sandbox_ready(self) -> Path:
        return self.path / "sandbox.json"

    @property
    def migrated(self) -> Path:
        return self.path / "migrated"

    @property
    def source(self) -> Path:
        """The file that names the source of the folder's data: the sandbox or a real Reddit."""
        return self.path / "reddit-source"

    def token(self) -> str:
        """Return the admin-api's token. The first start creates the token."""
        token = _stored_secret(self.admin_token)
        write_private(self.admin_header, f"Authorization: Bearer {token}\n")
        return token

    def webhook_key(self) -> str:
        """Return the master key of webhooks. The first start creates the key."""
        return _stored_secret(self.webhook_master_key)

    def make_content_key(self) -> Path:
        """Return the file with the key of pseudonyms. The first start creates the key."""
        _stored_secret(self.content_key)
        return self.content_key


def _stored_secret(path: Path) -> str:
    """Return the secret in this file. Create a secret if there is none. Raises DataFolderError."""
    secret = ""
    with contextlib.suppress(FileNotFoundError):
        secret = path.read_text().strip()
    if not secret:
        secret = secrets.token_urlsafe(TOKEN_BYTES)
        write_private(path, f"{secret}\n")
    return secret


@contextlib.contextmanager
def opened(path: Path) -> Iterator[DataFolder]:
    """Create the folder if it is missing, and lock it until the block or this process ends.

    Raises DataFolderError if the folder cannot be used, contains files of another program, or
    another demo has the lock.
    """
    path = path.absolute()
    try:
        # If root runs the demo, Postgres runs as another user. This user needs the right to enter
        # the folder, but not the right to list its files.
        path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        if not _is_of_a_demo(path):
            raise DataFolderError(
                f"The data folder {path} contains other files: give an empty or new folder with "
                "--data."
            )
        lock = (path / "lock").open("a+")
    except (FileExistsError, NotADirectoryError) as error:
        raise DataFolderError(
            f"The data folder {path} cannot be used ({error.strerror}): "
            "give the path of a folder with --data."
        ) from error
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
                f"Another demo (process {lock.read(LOCK_MAX).strip() or 'unknown'}) uses {path}: "
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


def _is_of_a_demo(path: Path) -> bool:
    """Return whether the folder is empty or an earlier demo used it. Raises OSError.

    A demo leaves the file `reddit-source`, or a process id in the file `lock`.
    """
    if {entry.name for entry in path.iterdir()} <= UNMARKED:
        return True
    if (path / "reddit-source").is_file():
        return True
    lock = path / "lock"
    if not lock.is_file():
        return False
    with lock.open("rb") as content:
        return content.read(LOCK_MAX).strip().isdigit()


def write_private(path: Path, content: str) -> None:
    """Write a file atomically, with access for its owner only. Raises DataFolderError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "w") as file:
            file.write(content)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise DataFolderError(f"{path} cannot be written ({error.strerror}).") from error
