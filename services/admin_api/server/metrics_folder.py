"""The folder in which the processes of one admin-api share their metrics.

prometheus_client reads the folder's variable when it is imported. So this module imports nothing
that imports prometheus_client.
"""

from __future__ import annotations

import tempfile
from collections.abc import MutableMapping
from pathlib import Path

NAME = "PROMETHEUS_MULTIPROC_DIR"


def prepare(variables: MutableMapping[str, str]) -> Path | None:
    """Create and empty the folder, and return it; None without PROBE_BIND. Raises OSError.

    Empties the folder because the files of a killed process would be counted again.
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
