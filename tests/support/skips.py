"""List skipped tests by what was missing, and read the list of allowed skips."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from support import needs


def by_want(reports: list[Any]) -> dict[str, list[str]]:
    """Return the skipped tests by the thing that was missing."""
    found = defaultdict(list)
    for report in reports:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        found[needs.skipped_for(reason)].append(report.nodeid)
    return dict(sorted(found.items()))


def read_allowed(path: Path) -> set[str]:
    """Return what may be missing, from a file with lines `WHAT: REASON`.

    Raises UsageError for a line without a reason.
    """
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise pytest.UsageError(f"{path} cannot be read: {error.strerror}") from error
    allowed = set()
    for line in lines:
        if line.strip() and not line.startswith("#"):
            what, _, reason = line.partition(": ")
            if not reason.strip():
                raise pytest.UsageError(f"{path}: {line!r}: expected WHAT: REASON")
            allowed.add(what.strip())
    return allowed
