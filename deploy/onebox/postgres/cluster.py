"""The folder a Postgres keeps its data in: made once, checked at every start."""

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
PASSWORD_FILE = "crawljobs_password"  # noqa: S105 - lies inside the cluster, so it cannot get out of step with it
FREE_BYTES = 256 * 2**20  # an empty cluster takes 40 MB, its first WAL segments as much again
INITDB_SECONDS = 120


def prepare(
    cluster: Path, binaries: Binaries, user: SystemUser | None, *, durable: bool, free_bytes: int
) -> None:
    """Make the cluster if there is none yet; refuse one that cannot work."""
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
                f"{cluster} holds something else than a Postgres: give another data folder."
            )
    except PermissionError as error:
        raise DataFolderError(
            f"{cluster} belongs to somebody else: give another data folder."
        ) from error
    _make(cluster, binaries, user, durable=durable)


def _refuse_other_version(cluster: Path, found: str, binaries: Binaries) -> None:
    if found != str(binaries.major):
        raise DataFolderError(
            f"{cluster} was made by PostgreSQL {found[:20]}, this is PostgreSQL {binaries.major}: "
            "give another data folder, or move this one away to start with an empty database."
        )


def _make(cluster: Path, binaries: Binaries, user: SystemUser | None, *, durable: bool) -> None:
    """initdb beside it, then rename: a half-made cluster is never taken for a whole one."""
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
            f"initdb took over {INITDB_SECONDS} s in {data.parent}: is the disk overloaded?"
        ) from error
    if done.returncode != 0:
        raise failure("initdb failed", _reason(done.stderr.decode(errors="replace")), data.parent)


def _reason(text: str) -> str:
    """The line that says why; Postgres repeats its programs' names and colours it with hints."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    why = [line for line in lines if re.search(r"FATAL|PANIC|error:|could not|No space", line)]
    return (why or lines or ["it said nothing"])[0][:300]


def failure(what: str, reason: str, cluster: Path) -> OneboxError:
    if re.search(r"No space left|wrote only \d+ of", reason):
        return DataFolderError(
            f"The disk is full: free some, or give another data folder than {cluster}. "
            f"{what}: {reason}"
        )
    return PostgresError(f"{what}: {reason}")


def failure_reason(log: Path, since: int) -> str:
    with log.open("rb") as written:
        written.seek(since)
        return _reason(written.read(64 * 1024).decode(errors="replace"))
