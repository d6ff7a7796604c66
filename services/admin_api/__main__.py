"""Runs `crawljobs-admin-api`, which is gunicorn with the settings in gunicorn_conf.py."""

from __future__ import annotations

import sys
from typing import NoReturn

from gunicorn.app.wsgiapp import WSGIApplication  # type: ignore[import-untyped]

from crawljobs.runtime import service_arguments
from crawljobs.settings.admin_api import TOKEN_MIN

PROGRAM = "crawljobs-admin-api"
CONFIGURATION = "python:admin_api.gunicorn_conf"


class _Server(WSGIApplication):  # type: ignore[misc] # the base has no types
    """gunicorn with the configuration in `gunicorn_conf`."""

    def load_config(self) -> None:
        """Load the settings of `gunicorn_conf` and of GUNICORN_CMD_ARGS.

        gunicorn reads the path of the configuration from `sys.argv`. Afterwards `sys.argv` is
        restored, because gunicorn starts a second master with the original arguments after SIGUSR2.
        """
        given, sys.argv = sys.argv, [PROGRAM, "-c", CONFIGURATION]
        try:
            super().load_config()
        finally:
            sys.argv = given


def command() -> NoReturn:
    """Run the process `crawljobs-admin-api`."""
    service_arguments.check(
        PROGRAM,
        description="Serve the REST API of crawljobs with gunicorn.",
        settings=f"""
  DATABASE_URL            address of the database; required
  ADMIN_API_TOKEN         the first token, of at least {TOKEN_MIN} characters; other tokens
                          are made over the API
  ADMIN_API_BIND          address of the API
  ADMIN_API_WORKERS, ADMIN_API_THREADS
                          processes, and requests at the same time in each of them
  PROBE_BIND              address of /healthz, /readyz and /metrics
  LOG_FORMAT, LOG_LEVEL   the log on standard error
""",
        stop="it finishes the running requests within 20 seconds.",
    )
    _Server("%(prog)s", prog=PROGRAM).run()
    sys.exit(0)


if __name__ == "__main__":
    command()
