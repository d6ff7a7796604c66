"""gunicorn settings of the demo's admin-api.

They extend the admin-api's own settings: workers die with their master, and the demo's polling is
not logged.
"""

import os
import signal
from typing import Any

from admin_api import gunicorn_conf
from admin_api.gunicorn_conf import *  # noqa: F403 - gunicorn reads this module's names
from onebox import die_with_parent, quiet_polling

EXIT_ORPHANED = die_with_parent.EXIT_ORPHANED


def post_fork(server: Any, worker: Any) -> None:  # type: ignore[no-redef] # extends the hook
    gunicorn_conf.post_fork(server, worker)
    quiet_polling.install()
    die_with_parent.ask_kernel(signal.SIGKILL)
    if os.getppid() != server.pid:
        os._exit(EXIT_ORPHANED)
