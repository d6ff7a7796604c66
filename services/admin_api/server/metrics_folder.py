"""The folder in which the processes of one admin-api share their metrics.

prometheus_client reads the folder's variable when it is imported. So this module imports nothing
that imports prometheus_client.
"""

from __future__ import annotations

import tempfile
from collections.abc import MutableMapping
from pathlib import Path

NAME = "PROMETHEUS_MULTIPROC_DIR"
SECOND_MASTER = "GUNICORN_PID"  # gunicorn sets it for the new master of a SIGUSR2


def prepare(variables: MutableMapping[str, str]) -> Path | None:
    """Create and empty the folder, and return it; None without PROBE_BIND. Raises OSError.

    Empties the folder because the files of a killed process would be counted again. A master that
    gunicorn started beside a running one (SIGUSR2) keeps the files, which the running workers use.
    """
    if not variables.get("PROBE_BIND", "").strip():
        variables.pop(NAME, None)
        return None
    given = variables.get(NAME, "").strip()
    folder = Path(given) if given else Path(tempfile.mkdtemp(prefix="crawljobs-metrics-"))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if SECOND_MASTER not in variables:
        for file in folder.glob("*.db"):
            file.unlink()
    variables[NAME] = str(folder)
    return folder
