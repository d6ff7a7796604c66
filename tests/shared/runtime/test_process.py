"""A process works in a thread until its work is done or a signal arrives."""

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import sys, threading, time
from crawljobs.runtime import process

process.block_stop_signals()
stopping = threading.Event()

def work():
    print("works", flush=True)
    {work}

ended = process.run(work, thread_name="work", on_stop=stopping.set, grace_seconds={grace})
print(threading.current_thread() is threading.main_thread(), stopping.is_set(), ended, flush=True)
"""


@pytest.mark.parametrize(
    ("work", "grace", "sent", "has_ended"),
    [
        ("pass", 10, None, True),
        ("raise SystemExit", 10, None, True),
        ("stopping.wait(20)", 10, signal.SIGTERM, True),
        ("stopping.wait(20)", 10, signal.SIGINT, True),
        ("time.sleep(20)", 0.1, signal.SIGTERM, False),
    ],
)
def test_a_process_stops_after_its_work_or_a_signal(
    work: str, grace: float, sent: signal.Signals | None, *, has_ended: bool
) -> None:
    program = PROGRAM.format(work=work, grace=grace)
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "works\n"
        if sent is not None:
            running.send_signal(sent)
        assert running.wait(timeout=15) == 0
        assert running.stdout.read() == f"True True {has_ended}\n"
