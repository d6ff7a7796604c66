"""Stores the names of requested communities in a file.

A community's id follows from its name. With the names, a restarted sandbox finds the communities by
their ids.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path

from reddit_sandbox import naming, world


def load(path: Path) -> list[str]:
    """Return the newest community names in the file, at most REMEMBERED, the oldest name first.

    Without a file, returns no names.
    """
    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return []
    names = [line for line in text.splitlines() if naming.VALID.fullmatch(line)]
    return list(dict.fromkeys(names))[-world.REMEMBERED :]


def keep(path: Path, loaded: list[str]) -> Callable[[str], None]:
    """Replace the file's names by `loaded`. Return a function that appends a name to the file.

    `loaded` has only the newest names. So the file does not grow without limit.
    """
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text("".join(f"{name}\n" for name in loaded), encoding="ascii")
    draft.replace(path)

    def add(name: str) -> None:
        # On a full disk, the name is lost at the next restart, but the request succeeds.
        with contextlib.suppress(OSError), path.open("a", encoding="ascii") as file:
            file.write(f"{name}\n")

    return add
