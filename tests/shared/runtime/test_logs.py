"""Log lines escape text from outside, and tracebacks hide secrets, in both formats."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CANARY = "canary"
HOSTILE = "\x1b[2J\x1b]0;x\x07\x9b31m\u202e\u200b\r\nforged\x7f"
PROGRAM = """
import logging, sys, threading, warnings
from crawljobs.runtime import logs

logs.configure("tests", {"LOG_FORMAT": sys.argv[1], "LOG_LEVEL": "DEBUG"})
log = logs.get_logger("tests")
hostile = sys.stdin.read()

def fail():
    canary = "canary of a local variable"
    import psycopg
    try:
        psycopg.connect("postgresql://u:canary@canary@127.0.0.1:1/d")
    except psycopg.Error as error:
        raise ValueError(hostile + " postgresql://u:canary/x@h/d password=canary") from error

def sink_event(): log.warning(hostile)
def sink_value(): log.warning("x", path=hostile)
def sink_name(): log.warning("x", **{hostile: 1})
def sink_list(): log.warning("x", names=[hostile, {hostile: (hostile,)}])
def sink_bytes(): log.warning("x", raw=hostile.encode())
def sink_exception_value(): log.warning("x", error=ValueError(hostile))
def sink_library(): logging.getLogger("library").warning("of %s", hostile)
def sink_library_extra(): logging.getLogger("library").warning("x", extra={"path": hostile})
def sink_warning(): warnings.warn(hostile)
def sink_traceback():
    try: fail()
    except ValueError: log.exception("x")
def sink_library_traceback():
    try: fail()
    except ValueError: logging.getLogger("library").exception("x")
def sink_wrong_arguments():
    logging.getLogger("library").warning("%d of canary", "canary " + hostile)
def sink_thread():
    thread = threading.Thread(target=fail, name=hostile)
    thread.start(); thread.join()
def sink_finalizer():
    class Closing:
        __del__ = staticmethod(fail)
        def __repr__(self): return hostile
    Closing()
def sink_uncaught(): fail()

for sink in sys.argv[2:]:
    sys.stderr.write(f"== {sink}\\n")
    globals()[sink]()
"""
SINKS = [line.split()[1][:-3] for line in PROGRAM.splitlines() if line.startswith("def sink_")]
TRACEBACKS = ("sink_thread", "sink_finalizer", "sink_uncaught")
# Characters that control a terminal.
OBEYED = {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)) if code != 10} | {
    "\u202e",
    "\u200b",
}


def written(style: str) -> dict[str, str]:
    """Return the log text of each sink."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, style, *SINKS],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "shared")},
        input=HOSTILE.encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr  # the exception of the last sink is not caught
    assert done.stdout == b""
    parts = [part.split("\n", 1) for part in done.stderr.decode().split("== ")[1:]]
    assert [name for name, _ in parts] == SINKS
    return {part[0]: part[1] for part in parts}


def texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    else:
        yield str(value)


@pytest.mark.parametrize("style", ["console", "json"])
def test_no_sink_lets_a_control_character_or_a_secret_through(style: str) -> None:
    for sink, text in written(style).items():
        assert text or sink == "sink_wrong_arguments", sink
        shown = text
        if style == "json":  # also check the texts after a reader has parsed them
            parsed = [json.loads(line) for line in text.splitlines()]
            shown += "\n".join(one for line in parsed for one in texts(line))
        elif "traceback" not in sink and sink not in TRACEBACKS:
            assert len(text.splitlines()) <= 1, (sink, text)  # the text has forged no second line
        assert not OBEYED & set(shown), (sink, text)
        assert CANARY not in shown, (sink, text)


def test_an_uncaught_exception_is_one_json_line_with_its_frames() -> None:
    (line,) = written("json")["sink_uncaught"].splitlines()
    crashed = json.loads(line)
    assert (crashed["action"], crashed["level"]) == ("process.crashed", "critical")
    first, cause = crashed["exception"]
    assert first["exc_type"] == "ValueError"
    assert [frame["name"] for frame in first["frames"]][-1] == "fail"
    assert cause["exc_type"] == "OperationalError"
    assert cause["exc_value"] == "the host's name cannot be resolved"
