"""The sandbox as a process: it prints its address, and ends after a signal."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import httpx
import psutil
import pytest

from support import processes, reddit_sandbox
from support.waiting import wait_until


def test_the_first_line_printed_is_the_address_and_the_ready_file_repeats_it(
    tmp_path: Path,
) -> None:
    ready = tmp_path / "ready.json"
    process = reddit_sandbox.launch("--ready-file", ready, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        printed = json.loads(process.stdout.readline())
        wait_until(ready.exists, timeout=20, describe="the ready file")
        assert json.loads(ready.read_text()) == printed
        assert httpx.get(f"{printed['url']}/sandbox/health").json() == {"status": "ok"}
        assert [path.name for path in tmp_path.iterdir()] == ["ready.json"]
    finally:
        reddit_sandbox.stop(process)
        process.stdout.close()


def test_only_the_loopback_is_listened_on() -> None:
    with reddit_sandbox.serve() as running:
        family = processes.family(running.process.pid)
        addresses = {
            connection.laddr.ip
            for process in family
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        }
    assert addresses == {"127.0.0.1"}


def test_a_busy_port_is_a_sentence_and_not_a_traceback() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = reddit_sandbox.launch("--port", port, stderr=subprocess.PIPE)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert errors.decode().strip() == (
        f"reddit sandbox: port {port} cannot be used: Address already in use"
    )


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--port", "70000"),
        ("--rate-limit", "0"),
        ("--new-items-per-minute", "21"),
        ("--now", "yesterday"),
        ("--slow-seconds", "nan"),
    ],
)
def test_an_option_out_of_range_is_refused_by_name(option: str, value: str) -> None:
    process = reddit_sandbox.launch(option, value, stderr=subprocess.PIPE)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 2
    assert f"argument {option}" in errors.decode()


def test_sigterm_ends_it_within_two_seconds_even_with_a_request_hanging() -> None:
    with reddit_sandbox.serve() as running:
        family = processes.family(running.process.pid)
        hanging = threading.Thread(target=_ask_quietly, args=(running, "/r/timeout_one/new"))
        hanging.start()
        _wait_for_a_connection(running, family)
        started = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        running.process.wait(20)
        taken = time.monotonic() - started
        processes.wait_until_gone(family, timeout=20)
        hanging.join(5)
    assert taken < 2
    assert running.process.returncode == 0


def test_when_it_is_killed_its_worker_goes_too_even_with_a_request_hanging() -> None:
    with reddit_sandbox.serve() as running:
        family = processes.family(running.process.pid)
        assert len(family) == 2
        hanging = threading.Thread(target=_ask_quietly, args=(running, "/r/timeout_one/new"))
        hanging.start()
        _wait_for_a_connection(running, family)
        os.kill(running.process.pid, signal.SIGKILL)
        processes.wait_until_gone(family, timeout=20)  # the next process needs the port
        hanging.join(5)


def test_a_hanging_reply_does_not_keep_the_others_waiting() -> None:
    with reddit_sandbox.serve() as running:
        threads = [
            threading.Thread(target=_ask_quietly, args=(running, "/r/timeout_one/new", 1))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        started = time.monotonic()
        assert running.get("/r/pottery/about").status_code == 200
        assert time.monotonic() - started < 0.9
        for thread in threads:
            thread.join(10)


def test_a_hanging_reply_ends_when_its_client_leaves() -> None:
    with reddit_sandbox.serve() as running:
        _ask_quietly(running, "/r/timeout_one/new", 0.3)
        wait_until(
            lambda: running.http.get("/sandbox/stats").json()["by_status"].get("504"),
            timeout=5,
            describe="the hanging request is given up",
        )


def _ask_quietly(running: reddit_sandbox.RunningSandbox, path: str, timeout: float = 60) -> None:
    try:
        headers = {"authorization": running.http.headers["authorization"]}
        httpx.get(f"{running.url}{path}", headers=headers, timeout=timeout)
    except httpx.HTTPError:
        return


def _wait_for_a_connection(
    running: reddit_sandbox.RunningSandbox, family: list[psutil.Process]
) -> None:
    """Wait until the process has a second connection besides that of the test's own client."""
    port = int(running.url.rpartition(":")[2])

    def connections() -> int:
        worker = family[-1]
        return sum(
            each.status == psutil.CONN_ESTABLISHED and each.laddr.port == port
            for each in worker.net_connections("inet")
        )

    wait_until(lambda: connections() >= 2, timeout=20, describe="the hanging request arrives")
