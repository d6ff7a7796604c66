"""Find the Alembic folder with the revisions, and list the revisions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import crawljobs
from crawljobs import errors

_PACKAGES = Path(crawljobs.__file__).parent.parent
INSTALLED = _PACKAGES / "crawljobs_migrations"  # the folder in the wheel and in the image
IN_CHECKOUT = _PACKAGES.parent / "migrations"


class NoRevisions(errors.CrawljobsError):
    """The installation lacks the folder with the revisions."""


@dataclass(frozen=True)
class Revision:
    """A revision of the schema. `title` is the first line of its module's docstring."""

    name: str
    title: str


def find() -> Path:
    """Return the folder with `env.py` and the revisions. Raises NoRevisions."""
    for folder in (INSTALLED, IN_CHECKOUT):
        if (folder / "env.py").is_file():
            return folder
    raise NoRevisions(
        f"there are no migrations in {INSTALLED} or {IN_CHECKOUT}: install the whole wheel, "
        "or run this in a complete clone"
    )


def newest_first(scripts: Path) -> list[Revision]:
    """Return all revisions, the newest first."""
    from alembic.script import ScriptDirectory

    return [
        Revision(script.revision, script.doc)
        for script in ScriptDirectory(str(scripts)).walk_revisions()
    ]
