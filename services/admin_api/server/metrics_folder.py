"""The folder through which the processes of one admin-api share their metrics.

An environment variable names the folder. When prometheus_client is imported, it reads the variable.
So prepare() must set the variable before prometheus_client is imported. The modules that this
module imports must not import prometheus_client.
"""

from __future__ import annotations

import tempfile
from collections.abc import MutableMapping
from pathlib import Path

NAME = "PROMETHEUS_MULTIPROC_DIR"
# gunicorn sets this variable for a second master, which SIGUSR2 starts.
SECOND_MASTER = "GUNICORN_PID"


def prepare(variables: MutableMapping[str, str]) -> Path | None:
    """Create and return the folder. Return None if PROBE_BIND is not set. Raises OSError.

    Deletes the metrics files in the folder, because the metrics must not include killed processes.
    If gunicorn starts a second master beside a running master (SIGUSR2), the files stay, because
    the running workers use them.
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
