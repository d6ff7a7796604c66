"""gunicorn's settings. The command is `crawljobs-admin-api`.

gunicorn's master process reads this module before it opens its port. A wrong setting stops the
process with an error message that names the setting.
"""

from __future__ import annotations

import gc
import importlib
import os
import shutil
import sys
from dataclasses import replace
from typing import Any

import flask
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from admin_api import NAME
from admin_api.server import metrics_folder

try:
    _given_folder = os.environ.get(metrics_folder.NAME)
    _folder = metrics_folder.prepare(os.environ)
except OSError as error:
    raise SystemExit(f"admin-api: {metrics_folder.NAME}: cannot be used: {error}") from None

# These imports load prometheus_client, which then reads the environment variable that
# metrics_folder.prepare() has set above. So prepare() must run first.
from admin_api.dashboard import assets
from admin_api.http import audit_refusals, state
from admin_api.server import allocator, metrics_server, probe_socket
from crawljobs import settings
from crawljobs.db.connection import SHORTEST_CONNECT_TIMEOUT_SECONDS
from crawljobs.db.database import Database
from crawljobs.db.timeouts import PROBE_TIMEOUTS
from crawljobs.errors import SettingsError, UnusableDatabase
from crawljobs.runtime import logs, startup, tracing


class _Logger(Logger):  # type: ignore[misc] # the base has no types
    """Sends gunicorn's own log lines to the log of the service."""

    def setup(self, cfg: object) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


def _checked() -> settings.AdminApiSettings:
    """Return the settings of the service. Raises SettingsError.

    Also checks the settings that only the workers use. Without this check, an invalid setting of
    the workers would crash each worker repeatedly.
    """
    logs.configure(NAME, os.environ)
    logs.log_misspelt_settings(os.environ)
    settings.read_database_settings(os.environ)
    settings.read_max_retries(os.environ)
    settings.read_tracing_settings(os.environ)
    return settings.read_admin_api_settings(os.environ)


try:
    _chosen = _checked()
    _probed_at = settings.read_probe_address(os.environ)
    workers, threads = _chosen.workers, _chosen.threads
except SettingsError as error:
    raise SystemExit(f"admin-api: {error}") from None

_probes = probe_socket.socket_in(_folder) if _probed_at and _folder else None
bind = [_chosen.bind] if _probes is None else [_chosen.bind, f"unix:{_probes}"]
umask = 0o077  # stops other users of the machine from connecting to the probe socket

allocator.bound()

wsgi_app = "admin_api.app:create_app()"
worker_class = "admin_api.server.worker.Worker"
preload_app = False  # False, because each process must make its own connection pools after the fork
proc_name = NAME
timeout = 30
# A stopping worker waits this many seconds for its running requests. A container usually gets 30 s
# to stop.
graceful_timeout = 20
# A connection without a request stays open for this many seconds.
keepalive = 5
# The interval of Python's switches between threads. It is short, so that busy threads delay the
# replies to probes only briefly.
SWITCH_SECONDS = 0.001
# The limit of client connections for each worker, below the usual limit of 1,024 open files.
worker_connections = 400
control_socket_disable = True
# gunicorn reads no headers that proxies add. The application itself finds the client's address. It
# trusts the proxies in TRUSTED_PROXIES.
forwarded_allow_ips = ""
logger_class = _Logger
accesslog = None  # http/access_log.py logs each request instead


def on_starting(_server: object) -> None:
    """Stop gunicorn if the database is unusable. Then import the application before the fork.

    So the forked workers share the memory of the code and of the dashboard's files. No database
    connection stays open, because the workers must not share a connection.
    """
    _refuse_unusable_database()
    # While modules load, hardly anything becomes garbage, and searching for it costs 0.2 s.
    gc.disable()
    importlib.import_module("admin_api.app")
    assets.all_assets()
    gc.enable()
    # After this call, garbage collections do not write to the memory that the processes share.
    # After a write, Linux would copy this memory for the process (decision 72).
    gc.freeze()


def when_ready(_server: object) -> None:
    if _probed_at is None or _folder is None:
        return
    try:
        metrics_server.start(_probed_at, _folder, _probes)
    except SettingsError as error:
        raise SystemExit(f"admin-api: {error}") from None


def post_fork(_server: object, _worker: object) -> None:
    metrics_server.forget()


def on_exit(_server: object) -> None:
    if _folder is not None and not _given_folder:
        shutil.rmtree(_folder, ignore_errors=True)


def post_worker_init(worker: Any) -> None:
    sys.setswitchinterval(SWITCH_SECONDS)
    name = settings.read_instance_name(os.environ, NAME)
    tracing.start(NAME, name, settings.read_tracing_settings(os.environ))
    state.of(worker.wsgi).heartbeat.start()
    worker.refusal_writer = audit_refusals.RefusalWriter(state.of(worker.wsgi))
    worker.refusal_writer.start()


def _refuse_unusable_database() -> None:
    address = settings.read_database_settings(os.environ)
    # The connect timeout is libpq's minimum. With a shorter timeout, Database would open the
    # connection in a thread. But no thread may exist when gunicorn forks its workers: if the thread
    # held a lock, a worker would wait for the lock forever.
    limits = replace(PROBE_TIMEOUTS, connect=SHORTEST_CONNECT_TIMEOUT_SECONDS)
    database = Database(
        address.url, pool_size=1, application_name=NAME, pooled=address.pooled, limits=limits
    )
    try:
        startup.refuse_unusable_if_there(database)
    except UnusableDatabase as error:
        raise SystemExit(f"admin-api: DATABASE_URL: {error}") from None
    finally:
        database.close()


def worker_exit(_server: object, worker: Any) -> None:
    if isinstance(worker.wsgi, flask.Flask):
        worker.refusal_writer.stop()
        state.of(worker.wsgi).heartbeat.stop()
    tracing.stop()
