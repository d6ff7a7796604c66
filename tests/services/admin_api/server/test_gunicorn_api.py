"""The server uses private parts of gunicorn. This module lists them with a digest of each source.

After an upgrade of gunicorn, a test fails for each changed part. Then read the new source, check
the module of crawljobs that is named above the part, run the tests of this folder with --deep, and
record the new digest.
"""

import ast
import hashlib
import importlib
import importlib.metadata
import inspect
import os
import re
import socket
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import TConn, ThreadWorker

from admin_api.server.connection import Connection
from admin_api.server.gunicorn_worker import GunicornWorker
from admin_api.server.worker import Worker

ROOT = Path(__file__).resolve().parents[4]
# A part of gunicorn, and the digest of its source without comments, docstrings and white space.
SOURCES = {
    # server/gunicorn_worker.py overrides these methods.
    "gunicorn.workers.gthread:ThreadWorker.__init__": "20152d528c6fd472",
    "gunicorn.workers.gthread:ThreadWorker.get_thread_pool": "6e47ed140dde75d0",
    "gunicorn.workers.gthread:ThreadWorker.accept": "03a421167ee31048",
    "gunicorn.workers.gthread:ThreadWorker.set_accept_enabled": "4283d1acdae10da6",
    "gunicorn.workers.gthread:ThreadWorker.wait_for_and_dispatch_events": "7dcf8fa850828ae2",
    "gunicorn.workers.gthread:ThreadWorker.murder_pending": "f9f01ff40b20a2c3",
    "gunicorn.workers.gthread:ThreadWorker.on_client_socket_readable": "3444f5910f2fedad",
    "gunicorn.workers.gthread:ThreadWorker.handle_request": "f8dffadfa3d40490",
    "gunicorn.workers.gthread:ThreadWorker._keepalive_after": "f9fdc5948729547d",
    "gunicorn.workers.gthread:ThreadWorker.finish_request": "08a932a48f339716",
    "gunicorn.workers.base:Worker.handle_error": "21cb3242bbf887d9",
    # These methods call those above, or server/gunicorn_worker.py calls these methods.
    "gunicorn.workers.gthread:ThreadWorker.init_process": "357ac730010e8b7a",
    "gunicorn.workers.gthread:ThreadWorker.run": "782c7161d896906f",
    "gunicorn.workers.gthread:ThreadWorker.handle": "9fa87912dc58c8d6",
    "gunicorn.workers.gthread:ThreadWorker.enqueue_req": "e5332ff88df4cd2d",
    "gunicorn.workers.gthread:ThreadWorker.murder_keepalived": "2b94ea86fac14f40",
    "gunicorn.workers.gthread:ThreadWorker.handle_exit": "ada632e6f185a532",
    "gunicorn.workers.gthread:PollableMethodQueue.defer": "ca6c00667d817b4b",
    "gunicorn.workers.gthread:PollableMethodQueue.run_callbacks": "eb2a2a91506c50e2",
    # server/connection.py overrides or uses these parts.
    "gunicorn.workers.gthread:TConn.__init__": "5d0dfdf9ceafdf90",
    "gunicorn.workers.gthread:TConn.init": "0c09691a4aef7bf5",
    "gunicorn.workers.gthread:TConn.set_timeout": "c3dab8ab5c00aea5",
    "gunicorn.workers.gthread:TConn.close": "eb060afadaaa3397",
    "gunicorn.http:get_parser": "62484f865c799190",
    # These methods read from a socket. server/arriving_request.py:ReceivedBytes takes its place.
    "gunicorn.http.unreader:SocketUnreader.chunk": "5424e9f6500dd3a1",
    "gunicorn.http.unreader:Unreader.read": "257689576d8b95db",
    # server/gunicorn_worker.py sets the values for these, for each request.
    "gunicorn.http.message:Message.force_close": "2a41c230d4053c3d",
    "gunicorn.http.wsgi:create": "980c45746ff40413",
}
# The attributes that server/gunicorn_worker.py and server/worker.py read or write.
ATTRIBUTES = {
    "alive",
    "cfg",
    "keepalived_conns",
    "max_keepalived",
    "method_queue",
    "nr_conns",
    "poller",
    "sockets",
    "worker_connections",
    "wsgi",
}


def part(name: str) -> object:
    module, _, path = name.partition(":")
    found: object = importlib.import_module(module)
    for attribute in path.split("."):
        found = getattr(found, attribute)
    return found


def digest(name: str) -> str:
    source = textwrap.dedent(inspect.getsource(part(name)))  # type: ignore[arg-type]
    lines = source.splitlines()
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    if ast.get_docstring(function) is not None:
        first = function.body[0]
        del lines[first.lineno - 1 : first.end_lineno]
    code = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    return hashlib.sha256("\n".join(code).encode()).hexdigest()[:16]


def test_the_installed_gunicorn_is_the_locked_one() -> None:
    lock = (ROOT / "requirements" / "admin-api.lock").read_text()
    (locked,) = re.findall(r"^gunicorn==(\S+)", lock, re.MULTILINE)
    assert importlib.metadata.version("gunicorn") == locked


@pytest.mark.parametrize("name", SOURCES, ids=lambda name: name.rpartition(":")[2])
def test_gunicorn_has_the_source_that_the_worker_was_written_for(name: str) -> None:
    version = importlib.metadata.version("gunicorn")
    assert digest(name) == SOURCES[name], f"gunicorn {version} changed {name}: {__doc__}"


def used_names(*classes: type) -> set[str]:
    """Return the names that the classes read from `self` or define."""
    trees = [ast.parse(textwrap.dedent(inspect.getsource(each))) for each in classes]
    used = {
        node.attr
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }
    defined = set[str]().union(*(vars(each) for each in classes))
    return (used | defined) - {"__module__", "__doc__", *dir(object)}


def listed(owner: str) -> set[str]:
    parts = [name.partition(":")[2].split(".") for name in SOURCES]
    return {path[1] for path in parts if path[0] == owner}


@pytest.fixture
def stock() -> Iterator[ThreadWorker]:
    config = Config()
    worker = ThreadWorker(0, os.getpid(), [], None, 30, config, Logger(config))
    yield worker
    worker.tmp.close()


def test_the_list_names_each_part_that_the_worker_uses(stock: ThreadWorker) -> None:
    of_gunicorn = {*dir(stock), "wsgi"}  # gunicorn sets the attribute wsgi after the fork
    used = used_names(GunicornWorker, Worker) & of_gunicorn
    assert used - listed("ThreadWorker") - listed("Worker") == ATTRIBUTES


def test_the_list_names_each_part_that_a_connection_uses() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        of_gunicorn = dir(TConn(Config(), ours, None, None))
    used = used_names(Connection) & set(of_gunicorn)
    assert used - listed("TConn") == {"client", "cfg", "data_ready", "parser", "sock"}


def test_decision_108_names_each_part_that_the_worker_uses(stock: ThreadWorker) -> None:
    page = (ROOT / "shared" / "DECISIONS.md").read_text()
    decision = page.partition("\n### 108. ")[2].partition("\n### ")[0]
    of_gunicorn = {*dir(stock), "wsgi"}
    used = used_names(GunicornWorker, Worker) & of_gunicorn
    assert {name for name in used if f"`{name}" not in decision} == set()
