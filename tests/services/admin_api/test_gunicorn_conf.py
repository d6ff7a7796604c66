"""The settings of gunicorn, and what its processes do from their start to their end."""

import json
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import psycopg

from support import collector
from support.admin_api import gunicorn_command, gunicorn_environment, start_gunicorn
from support.waiting import wait_until

READ = """
import ctypes, importlib, json, logging, os, sys
from gunicorn.config import Config
from admin_api import gunicorn_conf as conf

class Info(ctypes.Structure):
    _fields_ = [(f"field_{number}", ctypes.c_size_t) for number in range(10)]

libc = ctypes.CDLL(None)
has_glibc = hasattr(libc, "mallinfo2")

def has_own_pages(size):
    before = libc.mallinfo2().field_3
    libc.malloc(size)
    return libc.mallinfo2().field_3 > before

if has_glibc:
    libc.mallinfo2.restype = Info
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
log = conf._Logger(Config()).error_log
facts = {
    "log levels": [log.isEnabledFor(level) for level in (logging.DEBUG, logging.INFO)],
    "large blocks": [has_own_pages(size) for size in (200_000, 300_000)] if has_glibc else None,
}
NAMES = json.loads(sys.argv[1])
settings = {name: getattr(conf, name) for name in NAMES}
refusals = []
for wrong in json.loads(sys.argv[2]):
    before = dict(os.environ)
    os.environ.update(wrong)
    try:
        importlib.reload(conf)
    except SystemExit as error:
        refusals.append(str(error))
    else:
        refusals.append(None)
    os.environ.clear()
    os.environ.update(before)
print(json.dumps([settings, facts, refusals]))
"""
EXPECTED = {
    "workers": 3,
    "threads": 5,
    "preload_app": False,  # each process makes its own connections to the database
    "control_socket_disable": True,
    "forwarded_allow_ips": "",  # gunicorn trusts no proxy
    "accesslog": None,  # the application logs each request
}
WRONG = {
    "MAX_RETRIES='many'": {"MAX_RETRIES": "many"},
    "DATABASE_URL: expected": {"DATABASE_URL": "mysql://x"},
    "OTEL_EXPORTER_OTLP_ENDPOINT": {"OTEL_EXPORTER_OTLP_ENDPOINT": "nowhere"},
    "PROBE_BIND": {"PROBE_BIND": "nowhere"},
    "ADMIN_API_THREADS": {"ADMIN_API_THREADS": "0"},
    "PROMETHEUS_MULTIPROC_DIR: cannot be used": {
        "PROBE_BIND": "127.0.0.1:0",
        "PROMETHEUS_MULTIPROC_DIR": "/dev/null/metrics",
    },
}


def test_the_settings_are_checked_before_gunicorn_starts() -> None:
    """gunicorn's own lines for debugging stay out of the log, and glibc has its limits."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            READ,
            json.dumps([*EXPECTED, "bind"]),
            json.dumps([*WRONG.values()]),
        ],
        env=gunicorn_environment(
            "postgresql://nobody@127.0.0.1:1/none",
            ADMIN_API_WORKERS="3",
            ADMIN_API_THREADS="5",
            LOG_LEVEL="DEBUG",
        ),
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    settings, facts, refusals = json.loads(done.stdout.splitlines()[-1])
    assert settings == {**EXPECTED, "bind": ["127.0.0.1:0"]}
    assert facts["log levels"] == [False, True]
    assert facts["large blocks"] in (None, [False, True])  # None: without glibc
    for sentence, refusal in zip(WRONG, refusals, strict=True):
        assert refusal is not None, sentence
        assert refusal.startswith("admin-api: ")
        assert sentence in refusal


def test_an_address_of_the_probes_that_is_in_use_stops_the_start() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        done = subprocess.run(
            gunicorn_command(),
            env=gunicorn_environment("postgresql://nobody@127.0.0.1:1/none", PROBE_BIND=address),
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert f"admin-api: PROBE_BIND='{address}'" in done.stderr
    assert "Traceback" not in done.stderr


def rows(url: str, statement: str) -> list[Any]:
    with psycopg.connect(url) as conn:
        return conn.execute(statement).fetchall()


def test_a_process_reports_itself_until_its_end(
    tmp_path: Path, open_folder: Path, database_url: str
) -> None:
    statement = "SELECT name, role, details FROM service_instances"
    with collector.serve() as traces:
        server = start_gunicorn(
            tmp_path,
            database_url,
            ADMIN_API_WORKERS="1",
            ADMIN_API_THREADS="3",
            INSTANCE_NAME="api-1",
            PROBE_BIND="127.0.0.1:0",
            TMPDIR=str(open_folder),
            OTEL_EXPORTER_OTLP_ENDPOINT=traces.url,
            OTEL_BSP_SCHEDULE_DELAY="600000",
        )
        try:
            with server.client() as client:
                assert client.get("/api/admin/jobs").status_code == 200
            wait_until(lambda: rows(database_url, statement), timeout=10, describe="a heartbeat")
            ((name, role, details),) = rows(database_url, statement)
            assert (name, role, details["threads"]) == ("api-1", "admin-api", 3)
            assert details.keys() == {"clock", "settings", "threads"}
            (probes,) = open_folder.glob("crawljobs-metrics-*/probes.sock")
            assert stat.S_IMODE(probes.stat().st_mode) == 0o700
            master = psutil.Process(server.process.pid)
            assert {one.status for one in master.net_connections("tcp")} == {psutil.CONN_LISTEN}
        finally:
            code = server.stop()
        assert code == 0, server.log_text()
        spans = traces.spans()
    assert [(span.service, span.name) for span in spans] == [("admin-api", "GET /api/admin/jobs")]
    assert rows(database_url, statement) == []
    lines = server.log_lines()
    assert [line["service"] for line in lines if "Listening at" in line["action"]] == ["admin-api"]
    assert not [line for line in lines if line["level"] in ("error", "critical")]
