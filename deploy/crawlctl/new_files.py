"""Files that a command writes: it never overwrites one."""

from pathlib import Path

from crawlctl.failures import CommandFailed, ExitCode


def in_the_way(path: Path) -> CommandFailed:
    """Return the error for a file that exists already."""
    return CommandFailed(
        f"{path} exists already: name another file, or delete it.", ExitCode.REFUSED
    )
