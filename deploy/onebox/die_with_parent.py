"""Start child processes that end with their parent.

A process can request a signal from the kernel for the death of its parent (PR_SET_PDEATHSIG). The
kernel sends the signal even if SIGKILL ended the parent. On systems other than Linux, the children
end only when the parent stops them.

A change of the user cancels the request. So this file is also a small program, which changes the
user, requests the signal, then executes the command:
`python -I -S die_with_parent.py PARENT SIGNAL UID GID COMMAND...`
The program starts in 15 ms and imports no module of the project.
"""

import ctypes  # imported before the change of user: the new user may be unable to read the library
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
    """Start `command` in a new session, so that Ctrl-C does not reach the child process.

    The kernel sends `signal` to the child when the thread that called this function ends. So call
    the function in a thread that lives as long as the parent process.
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
    """Run a command and wait for its end. None as `user` means the current user."""
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
    """Make the kernel send `signal` to this process when the parent thread that started it ends."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")


def become(arguments: list[str]) -> None:
    """Change the user, request the signal for the death of the parent, and execute the command."""
    parent, signal, uid, gid = map(int, arguments[:4])
    command = arguments[4:]
    if uid != KEEP:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
        os.umask(0o077)
    ask_kernel(signal)
    if os.getppid() != parent:  # the parent died before ask_kernel, so no signal will come
        raise SystemExit(EXIT_ORPHANED)
    try:
        os.execvp(command[0], command)  # noqa: S606 - the command needs no shell
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        raise SystemExit(EXIT_CANNOT_RUN) from None


if __name__ == "__main__":
    become(sys.argv[1:])
