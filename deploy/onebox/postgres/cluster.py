"""Create the cluster, which is Postgres's data folder, and check it at every start."""

import os
import re
import secrets
import shutil
import subprocess
from pathlib import Path

from onebox.demo_errors import DataFolderError, OneboxError, PostgresError
from onebox.die_with_parent import SystemUser, run_as
from onebox.postgres.binaries import Binaries

SUPERUSER = "crawljobs"
PASSWORD_FILE = "crawljobs_password"  # noqa: S105 - a file name in the cluster
FREE_BYTES = 256 * 2**20  # free disk space that a start requires; a new cluster takes 80 MB
INITDB_SECONDS = 120


def prepare(
    cluster: Path, binaries: Binaries, user: SystemUser | None, *, durable: bool, free_bytes: int
) -> None:
    """Create the cluster if it is missing. Raises DataFolderError if Postgres cannot use it."""
    free = shutil.disk_usage(cluster.parent).free
    if free < free_bytes:
        raise DataFolderError(
            f"Only {free // 2**20} MB are free for {cluster}, {free_bytes // 2**20} MB are needed: "
            "free some disk, or give another data folder."
        )
    version = cluster / "PG_VERSION"
    try:
        if version.is_file():
            _refuse_other_version(cluster, version.read_text().strip(), binaries)
            return
        if cluster.exists() and any(cluster.iterdir()):
            raise DataFolderError(
                f"{cluster} contains files, but no data of Postgres: use another data folder."
            )
    except PermissionError as error:
        raise DataFolderError(
            f"{cluster} belongs to another user: give another data folder."
        ) from error
    _make(cluster, binaries, user, durable=durable)


def _refuse_other_version(cluster: Path, found: str, binaries: Binaries) -> None:
    if found != str(binaries.major):
        raise DataFolderError(
            f"{cluster} was made by PostgreSQL {found[:20]}, this is PostgreSQL {binaries.major}: "
            "give another data folder, or move this one away to start with an empty database."
        )


def _make(cluster: Path, binaries: Binaries, user: SystemUser | None, *, durable: bool) -> None:
    """Run initdb in a temporary folder, then rename it, so that no incomplete cluster is used."""
    draft = cluster.with_name(f"{cluster.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir(mode=0o700)
        password = draft / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(32))
        if user is not None:
            os.chown(draft, user.uid, user.gid)
            os.chown(password, user.uid, user.gid)
        _initdb(draft / "data", password, binaries, user, durable=durable)
        password.rename(draft / "data" / PASSWORD_FILE)
        (draft / "data").rename(cluster)
    except OSError as error:
        raise DataFolderError(
            f"{cluster} cannot be made ({error.strerror}): give another data folder."
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _initdb(
    data: Path, password: Path, binaries: Binaries, user: SystemUser | None, *, durable: bool
) -> None:
    command = [
        binaries.program("initdb"),
        *("-D", str(data), "-U", SUPERUSER, f"--pwfile={password}", "-A", "scram-sha-256"),
        *("-E", "UTF8", "--no-locale", "--no-instructions"),
        *([] if durable else ["--no-sync"]),
    ]
    try:
        done = run_as(user, command, timeout=INITDB_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise PostgresError(
            f"initdb took over {INITDB_SECONDS} s in {data.parent}: the disk may be overloaded"
        ) from error
    if done.returncode != 0:
        raise failure("initdb failed", _reason(done.stderr.decode(errors="replace")), data.parent)


def _reason(text: str) -> str:
    """Return the line of Postgres's output that names the cause of a failure."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    causes = [line for line in lines if re.search(r"FATAL|PANIC|error:|could not|No space", line)]
    return (causes or lines or ["it printed no message"])[0][:300]


def failure(summary: str, reason: str, cluster: Path) -> OneboxError:
    """Return the error to raise: DataFolderError if the disk is full, otherwise PostgresError."""
    if re.search(r"No space left|wrote only \d+ of", reason):
        return DataFolderError(
            f"The disk is full: free some space, or give another data folder than {cluster}. "
            f"{summary}: {reason}"
        )
    return PostgresError(f"{summary}: {reason}")


def failure_reason(log: Path, since: int) -> str:
    """Return the cause of a failure, from the part of the log after byte `since`."""
    with log.open("rb") as written:
        written.seek(since)
        return _reason(written.read(64 * 1024).decode(errors="replace"))
