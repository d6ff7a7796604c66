"""Watching real processes: which descend from one, and that they are gone."""

import contextlib

import psutil

from support.waiting import wait_until


def family(pid: int) -> list[psutil.Process]:
    """The process and all that descend from it."""
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def owners(processes: list[psutil.Process]) -> set[str]:
    """Whose they are; a session of Postgres may end while one looks at it."""
    found = set()
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            found.add(process.username())
    return found


def is_gone(process: psutil.Process) -> bool:
    """Ended, or ended and not yet waited for; a later process with its pid is not it."""
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
