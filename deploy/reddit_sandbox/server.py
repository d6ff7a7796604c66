"""The sandbox in gunicorn: one worker process with many threads, on the loopback by default."""

import json
import os
import signal
import socket
from pathlib import Path
from typing import Any

import flask
import gunicorn.app.base  # type: ignore[import-untyped]

from onebox import die_with_parent
from reddit_sandbox import app
from reddit_sandbox.options import Options

HOST = "127.0.0.1"
# Concurrent requests. Each slow or hanging reply occupies a thread.
THREADS = 64
# Seconds for running requests to finish after SIGTERM.
GRACE = 1


class Server(gunicorn.app.base.BaseApplication):  # type: ignore[misc]
    """`run` serves on a bound socket until SIGTERM or SIGINT."""

    def __init__(self, options: Options, listener: socket.socket, ready_file: Path | None) -> None:
        self._options = options
        host, bound_port = listener.getsockname()
        self.url = f"http://{host}:{bound_port}"
        # gunicorn takes over the descriptor and closes it: no other object may own it.
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
            # The application itself refuses requests that are too long, in Reddit's form.
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
        # An orphaned worker stops too; gunicorn alone would wait for hanging requests.
        return worker is not None and (not worker.alive or worker.ppid != os.getppid())


def _die_with_master(server: Any, _worker: Any) -> None:
    """Stop an orphaned worker: it would block the port of a restarted sandbox."""
    die_with_parent.ask_kernel(signal.SIGKILL)
    if os.getppid() != server.pid:
        os._exit(die_with_parent.EXIT_ORPHANED)


def listen(port: int, host: str = HOST) -> socket.socket:
    """A listening socket; port 0 means any free port."""
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
    """Write the file atomically."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps({"url": url}))
    draft.replace(path)
