"""Record the calls of the processes that tests start: a path file of their Python imports this."""

from __future__ import annotations

import mmap
import os
import sys
import threading
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

PRODUCTION = ("shared", "services")
PLUGIN = "mutants.recording"
ROOT = Path(__file__).resolve().parents[2]
FOLDERS = tuple(f"{ROOT / top}{os.sep}" for top in PRODUCTION)
CALLS = Path(sys.prefix) / "mutants-calls"  # of all processes but pytest's, since the test began
TURN = Path(sys.prefix) / "mutants-turn"  # a byte, which another test changes
START_LINE = "import mutants.process_calls; mutants.process_calls.start()\n"


def place_of(code: CodeType) -> str | None:
    """`path::function`, without what is nested in the function; None outside production code."""
    if not code.co_filename.startswith(FOLDERS):
        return None
    path = Path(code.co_filename).relative_to(ROOT).as_posix()
    return f"{path}::{code.co_qualname.split('.<locals>')[0]}"


def start() -> None:
    """Write each function to CALLS when it is called for the first time in a test."""
    if PLUGIN in sys.orig_argv or not (TURN.exists() and CALLS.exists()):
        return  # the plugin records pytest's own process
    try:
        calls = os.open(CALLS, os.O_WRONLY | os.O_APPEND)
        with TURN.open("rb") as file:
            turn = mmap.mmap(file.fileno(), 1, prot=mmap.PROT_READ)
    except OSError:  # another user's process
        return
    seen: set[CodeType] = set()
    last = [turn[0]]

    def trace(frame: FrameType, _event: str, _argument: Any) -> None:
        if turn[0] != last[0]:
            last[0] = turn[0]
            seen.clear()
        code = frame.f_code
        if code not in seen:
            seen.add(code)
            if place := place_of(code):
                os.write(calls, f"{place}\n".encode())

    threading.settrace(trace)
    sys.settrace(trace)
