"""gunicorn's settings: `gunicorn -c python:admin_api.gunicorn_conf 'admin_api.app:create_app()'`.

Read in the master, before anything listens: a wrong setting ends it with its sentence.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

import flask
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from admin_api import NAME, state
from crawljobs import logs, settings
from crawljobs.errors import SettingsError


class _Logger(Logger):  # type: ignore[misc] # the base has no types
    """gunicorn's own lines go the way of all others."""

    def setup(self, cfg: object) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


def _checked() -> settings.AdminApiSettings:
    """What the workers would refuse too, only later and again and again."""
    logs.configure(NAME, os.environ)
    settings.read_database_settings(os.environ)
    settings.read_max_retries(os.environ)
    return settings.read_admin_api_settings(os.environ)


try:
    _chosen = _checked()
    bind, workers, threads = _chosen.bind, _chosen.workers, _chosen.threads
except SettingsError as error:
    raise SystemExit(f"admin-api: {error}") from None

wsgi_app = "admin_api.app:create_app()"
worker_class = "admin_api.gunicorn_worker.Worker"
preload_app = False  # the pools of connections are made after the fork
proc_name = NAME
timeout = 30
graceful_timeout = 20  # below a container's usual grace of 30 s
keepalive = 5  # seconds of idling
worker_connections = 400  # for each process, below the usual limit of open files
control_socket_disable = True
# Nobody may set scheme or path by a header. Client addresses are TRUSTED_PROXIES' business.
forwarded_allow_ips = ""
logger_class = _Logger
accesslog = None  # the application writes a line for each request itself


def on_starting(_server: object) -> None:
    """Import before the fork, so that the processes share the memory; nothing connects yet."""
    importlib.import_module("admin_api.app")


def post_worker_init(worker: Any) -> None:
    state.of(worker.wsgi).presence.start()


def worker_exit(_server: object, worker: Any) -> None:
    if isinstance(worker.wsgi, flask.Flask):
        state.of(worker.wsgi).presence.stop()
