"""The parts of the production code that mutants are drawn from."""

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
# The catalogue and the migrations' own tests hold the tables to each other.
LEFT_OUT = ("shared/crawljobs/db/tables/",)


def files(root: Path, areas: Iterable[str]) -> Iterator[str]:
    """From the root, sorted, so that a seed draws the same everywhere."""
    for area in areas:
        for folder in AREAS[area]:
            found = (root / folder).glob("**/*.py")
            names = sorted(path.relative_to(root).as_posix() for path in found)
            yield from (name for name in names if not name.startswith(LEFT_OUT))
