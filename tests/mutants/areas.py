"""The areas: named parts of the production code in which mutants are made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

AREAS: dict[str, tuple[str, ...]] = {
    "domain": ("shared/crawljobs/domain",),
    "repository": ("shared/crawljobs/repository",),
    "db": ("shared/crawljobs/db",),
    "worker": ("services/crawler_worker",),
    "api": ("services/admin_api",),
    "scheduler": ("services/scheduler",),
    "process": ("shared/crawljobs/runtime", "shared/crawljobs/settings"),
}
# No mutants of the tables' definitions: other tests compare them with the migrated database.
LEFT_OUT = ("shared/crawljobs/db/tables/",)


def files(root: Path, areas: Iterable[str]) -> Iterator[str]:
    """Yield the paths of the areas' files, relative to `root`.

    They are sorted, so that a seed draws the same mutants on every machine.
    """
    for area in areas:
        for folder in AREAS[area]:
            found = (root / folder).glob("**/*.py")
            names = sorted(path.relative_to(root).as_posix() for path in found)
            yield from (name for name in names if not name.startswith(LEFT_OUT))
