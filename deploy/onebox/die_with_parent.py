"""Processes that cannot outlive the one that started them.

The kernel sends the chosen signal when the parent dies, SIGKILL included (PR_SET_PDEATHSIG). It
must be asked for after privileges are dropped, since changing user clears it, so this file is also
the small program that does both and then becomes the command:
`python -I -S die_with_parent.py PARENT SIGNAL UID GID COMMAND...`. It starts in 15 ms and imports
nothing of the project. Elsewhere than on Linux children are only stopped by an orderly end.
"""

import ctypes  # at the top: once privileges are dropped Python itself may be out of reach
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

KEEP = -1
PR_SET_PDEATHSIG = 1
EXIT_ORPHANED = 75
EXIT_CANNOT_RUN = 127


class SystemUser(NamedTuple):
    name: str
    uid: int
    gid: int


def spawn(
    command: Sequence[str | Path],
    *,
    signal: int,
    env: Mapping[str, str],
    cwd: Path,
    output: IO[bytes],
    run_as: SystemUser | None = None,
    pass_fds: Sequence[int] = (),
) -> "subprocess.Popen[bytes]":
    """Start `command` in a session of its own, so that Ctrl-C reaches the parent alone.

    Call it from a thread that lives as long as the process: the kernel watches the thread that
    forked.
    """
    launcher = [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(int(signal))]
    owner = [str(run_as.uid), str(run_as.gid)] if run_as else [str(KEEP), str(KEEP)]
    return subprocess.Popen(  # noqa: S603 - the callers' commands are fixed
        [*launcher, *owner, *map(str, command)],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=dict(env),
        cwd=cwd,
        start_new_session=True,
        pass_fds=pass_fds,
    )


def run_as(
    user: SystemUser | None, command: Sequence[str], *, timeout: float
) -> "subprocess.CompletedProcess[bytes]":
    """Run a command that ends by itself, as `user` or as ourselves."""
    return subprocess.run(  # noqa: S603 - the callers' commands are fixed
        command,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=timeout,
        check=False,
        cwd="/",
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
        user=user.uid if user else None,
        group=user.gid if user else None,
        extra_groups=[] if user else None,
    )


def ask_kernel(signal: int) -> None:
    """Have this process sent `signal` when the thread that forked it dies."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")


def become(arguments: list[str]) -> None:
    parent, signal, uid, gid = map(int, arguments[:4])
    command = arguments[4:]
    if uid != KEEP:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
        os.umask(0o077)
    ask_kernel(signal)
    if os.getppid() != parent:  # it died before the kernel was asked
        raise SystemExit(EXIT_ORPHANED)
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is the point
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        raise SystemExit(EXIT_CANNOT_RUN) from None


if __name__ == "__main__":
    become(sys.argv[1:])
