"""Record the function calls in processes that tests start.

A path file (.pth) makes each Python process of the copy import this module at its start.
"""

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
# The functions that all processes except pytest's have called since the current test began.
CALLS = Path(sys.prefix) / "mutants-calls"
TURN = Path(sys.prefix) / "mutants-turn"  # the file has one byte, which changes with each test
START_LINE = "import mutants.process_calls; mutants.process_calls.start()\n"


def place_of(code: CodeType) -> str | None:
    """Return `path::function`, or None if the code is not production code.

    For a nested function, the result names the outer function.
    """
    if not code.co_filename.startswith(FOLDERS):
        return None
    path = Path(code.co_filename).relative_to(ROOT).as_posix()
    return f"{path}::{code.co_qualname.split('.<locals>')[0]}"


def start() -> None:
    """Write each function to CALLS at its first call in a test."""
    if PLUGIN in sys.orig_argv or not (TURN.exists() and CALLS.exists()):
        return  # in pytest's own process, the plugin records the calls
    try:
        calls = os.open(CALLS, os.O_WRONLY | os.O_APPEND)
        with TURN.open("rb") as file:
            turn = mmap.mmap(file.fileno(), 1, prot=mmap.PROT_READ)
    except OSError:  # the process runs as another user, who may not open the files
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
