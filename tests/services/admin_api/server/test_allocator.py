"""How much freed memory a process of the API may keep, as glibc itself reports it."""

import json
import platform
import subprocess
import sys
from pathlib import Path

from support import needs

MEASURE = """
import ctypes, json, re, sys, threading
from admin_api.server import allocator

libc = ctypes.CDLL(None)
FIELDS = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"

class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in FIELDS.split()]

libc.mallinfo2.restype = Info
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
libc.fopen.restype = ctypes.c_void_p
libc.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
libc.fclose.argtypes = [ctypes.c_void_p]

def has_own_pages(size):
    before = libc.mallinfo2().hblks
    block = libc.malloc(size)
    grown = libc.mallinfo2().hblks - before
    libc.free(block)
    return grown == 1

def kept_after_free(size):
    blocks = [libc.malloc(8192) for _ in range(size // 8192)]
    for block in reversed(blocks):
        libc.free(block)
    return libc.mallinfo2().keepcost

def arenas():
    together = threading.Barrier(8)
    def work():
        together.wait()
        libc.malloc(100)
        together.wait()
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stream = libc.fopen(sys.argv[1].encode(), b"w")
    libc.malloc_info(0, stream)
    libc.fclose(stream)
    return len(re.findall("<heap nr=", open(sys.argv[1]).read()))

allocator.bound()
kept = [kept_after_free(size) for size in range(50_000, 500_000, 8_192)]
json.dump(
    {
        "have_own_pages": [has_own_pages(size) for size in (262_144 - 24, 262_144 - 8)],
        "most_kept": max(kept),
        "arenas": arenas(),
    },
    sys.stdout,
)
"""


def test_a_process_shares_its_arenas_and_returns_freed_memory(tmp_path: Path) -> None:
    """A block has 8 bytes more than its program asks for, and blocks grow by 16 bytes."""
    if platform.libc_ver()[0] != "glibc":
        needs.missing("glibc")
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path / "info")],
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    found = json.loads(done.stdout)
    assert found["have_own_pages"] == [False, True]  # those of 256 KiB and more
    assert 200_000 < found["most_kept"] < 262_144  # at the end of the heap
    assert found["arenas"] == 2  # of 8 threads
