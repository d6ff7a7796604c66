"""The names that were asked for, kept in a file: a restarted sandbox knows its communities' ids."""

import contextlib
from collections.abc import Callable
from pathlib import Path

from reddit_sandbox import naming, world


def load(path: Path) -> list[str]:
    """The newest names of the file, oldest first; none when there is no file."""
    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return []
    names = [line for line in text.splitlines() if naming.VALID.fullmatch(line)]
    return list(dict.fromkeys(names))[-world.REMEMBERED :]


def keep(path: Path, loaded: list[str]) -> Callable[[str], None]:
    """Write the loaded names back, so that the file stays bounded; what is given adds one."""
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text("".join(f"{name}\n" for name in loaded), encoding="ascii")
    draft.replace(path)

    def add(name: str) -> None:
        # A full disk costs the name after a restart, not the request.
        with contextlib.suppress(OSError), path.open("a", encoding="ascii") as file:
            file.write(f"{name}\n")

    return add
