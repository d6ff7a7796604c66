"""Find the descendants of a process, and wait until processes have ended."""

import contextlib

import psutil

from support.waiting import wait_until


def family(pid: int) -> list[psutil.Process]:
    """Return the process and all its descendants."""
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def owners(processes: list[psutil.Process]) -> set[str]:
    """Return the users that own these processes. A process may end during this call."""
    found = set()
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            found.add(process.username())
    return found


def is_gone(process: psutil.Process) -> bool:
    """Return whether the process has ended. A zombie counts as ended.

    A later process with the same pid is another process.
    """
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until_gone(processes: list[psutil.Process], *, timeout: float) -> None:
    wait_until(
        lambda: all(map(is_gone, processes)),
        timeout=timeout,
        describe=lambda: f"still there: {[p for p in processes if not is_gone(p)]}",
    )
