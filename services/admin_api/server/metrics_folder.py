"""Where the processes of one admin-api keep their counters together.

The metrics' client looks for the folder once, when it is imported, so this imports nothing of ours.
"""

from __future__ import annotations

import tempfile
from collections.abc import MutableMapping
from pathlib import Path

NAME = "PROMETHEUS_MULTIPROC_DIR"


def prepare(variables: MutableMapping[str, str]) -> Path | None:
    """Make and empty the folder; None when nothing is served and so nothing need be shared.

    What a killed process left would be counted again. Raises OSError.
    """
    if not variables.get("PROBE_BIND", "").strip():
        variables.pop(NAME, None)
        return None
    given = variables.get(NAME, "").strip()
    folder = Path(given) if given else Path(tempfile.mkdtemp(prefix="crawljobs-metrics-"))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file in folder.glob("*.db"):
        file.unlink()
    variables[NAME] = str(folder)
    return folder
