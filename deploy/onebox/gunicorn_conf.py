"""The settings of gunicorn for the demo's admin-api.

They have all settings of the admin-api, and two changes. A worker process dies with gunicorn's
master process. The log leaves out the requests with which the demo polls the admin-api.
"""

import os
import signal
from typing import Any

from admin_api import gunicorn_conf
from admin_api.gunicorn_conf import *  # noqa: F403 - gunicorn reads the settings from this module
from onebox import die_with_parent, quiet_polling

EXIT_ORPHANED = die_with_parent.EXIT_ORPHANED


def post_fork(server: Any, worker: Any) -> None:  # type: ignore[no-redef] # extends the hook
    gunicorn_conf.post_fork(server, worker)
    quiet_polling.install()
    die_with_parent.ask_kernel(signal.SIGKILL)
    if os.getppid() != server.pid:
        os._exit(EXIT_ORPHANED)
