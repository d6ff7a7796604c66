"""The folder through which the processes of one admin-api share their metrics.

prometheus_client reads the folder's environment variable when it is imported. The variable must be
set before, so this module imports nothing that imports prometheus_client.
"""

from __future__ import annotations

import tempfile
from collections.abc import MutableMapping
from pathlib import Path

NAME = "PROMETHEUS_MULTIPROC_DIR"
# gunicorn sets this variable for a second master, which SIGUSR2 starts.
SECOND_MASTER = "GUNICORN_PID"


def prepare(variables: MutableMapping[str, str]) -> Path | None:
    """Create, empty and return the folder, or return None without PROBE_BIND. Raises OSError.

    Files of killed processes would otherwise count in the new metrics. If gunicorn starts a second
    master beside a running one (SIGUSR2), the files stay, because the running workers use them.
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
