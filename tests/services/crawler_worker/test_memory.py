"""A worker process returns large freed blocks of memory to the operating system."""

import ctypes
import subprocess
import sys

import pytest

LIBC = ctypes.CDLL(None)
# The process of a worker, up to its first setting. Then a large block is freed, after which glibc
# would serve other large blocks from its heaps. `hblks` counts the blocks outside the heaps.
PROGRAM = """
import ctypes
from crawler_worker.__main__ import main

class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in
        ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks",
         "fordblks", "keepcost")]

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
libc.mallinfo2.restype = Info
try:
    main()
except SystemExit:
    pass
libc.free(libc.malloc(16 * 1024 * 1024))

def is_outside(size):  # a heap may have room for some of the blocks
    before = libc.mallinfo2().hblks
    for _ in range(100):
        libc.malloc(size)
    return libc.mallinfo2().hblks > before

print([is_outside(size) for size in (100_000, 131_000, 131_072, 1_000_000)])
"""


@pytest.mark.skipif(not hasattr(LIBC, "mallinfo2"), reason="needs glibc 2.33 or later")
def test_blocks_of_128_kib_are_mapped_separately_after_a_larger_block_was_freed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[False, False, True, True]\n"
