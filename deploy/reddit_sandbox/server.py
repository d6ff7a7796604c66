"""Serve the sandbox with gunicorn: one worker process with many threads."""

import json
import os
import socket
from pathlib import Path
from typing import Any

import flask
import gunicorn.app.base  # type: ignore[import-untyped]

from reddit_sandbox import app, master_death
from reddit_sandbox.options import Options

HOST = "127.0.0.1"
# The number of concurrent requests. Each slow reply occupies one thread.
THREADS = 64
# After SIGTERM, running requests have this many seconds to finish.
GRACE = 1


class Server(gunicorn.app.base.BaseApplication):  # type: ignore[misc]
    """Serves the sandbox on a listening socket. `run` returns after SIGTERM or SIGINT."""

    def __init__(self, options: Options, listener: socket.socket, ready_file: Path | None) -> None:
        self._options = options
        host, bound_port = listener.getsockname()
        self.url = f"http://{host}:{bound_port}"
        # gunicorn closes the descriptor. The socket object must not close it a second time.
        self._descriptor = listener.detach()
        self._ready_file = ready_file
        self._worker: Any = None
        super().__init__()

    def load_config(self) -> None:
        settings = {
            "bind": f"fd://{self._descriptor}",
            "workers": 1,
            "worker_class": "gthread",
            "threads": THREADS,
            "keepalive": 30,
            "graceful_timeout": GRACE,
            "control_socket_disable": True,
            # 0: gunicorn sets no limit. The application itself refuses long URLs, as Reddit does.
            "limit_request_line": 0,
            "loglevel": "warning",
            "post_fork": _die_with_master,
            "post_worker_init": self._on_ready,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> flask.Flask:
        return app.create_app(self._options, stopping=self._is_stopping)

    def _on_ready(self, worker: Any) -> None:
        self._worker = worker
        if self._ready_file is not None:
            write_ready_file(self._ready_file, self.url)

    def _is_stopping(self) -> bool:
        worker = self._worker
        # A worker whose master has died stops too. gunicorn alone would wait for hanging requests.
        return worker is not None and (not worker.alive or worker.ppid != os.getppid())


def _die_with_master(server: Any, _worker: Any) -> None:
    """Let the worker process end when its master process ends.

    A worker that still runs would keep the port, and a restarted sandbox could not use it.
    """
    master_death.end_with(server.pid)


def listen(port: int, host: str = HOST) -> socket.socket:
    """Return a listening socket on `port`, or on any free port for 0. Raises OSError."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(512)
    except OSError:
        listener.close()
        raise
    return listener


def write_ready_file(path: Path, url: str) -> None:
    """Write the sandbox's URL to a file, atomically."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps({"url": url}))
    draft.replace(path)
