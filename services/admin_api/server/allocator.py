"""Makes glibc return freed memory to the system.

By default, glibc creates up to eight heaps for each CPU core, and each heap keeps freed memory.
"""

from __future__ import annotations

import contextlib
import ctypes

ARENAS = 2
# A block of at least this size is returned to the system when the block is freed.
LARGE_BYTES = 256 * 1024

# Constants of <malloc.h>.
_M_ARENA_MAX = -8
_M_MMAP_THRESHOLD = -3
_M_TRIM_THRESHOLD = -1


def bound() -> None:
    """Limit the freed memory that this process and its forks keep. Does nothing without glibc."""
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_ARENA_MAX, ARENAS)
        # Without this call, glibc would raise M_MMAP_THRESHOLD when larger blocks are freed.
        mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
        mallopt(_M_TRIM_THRESHOLD, LARGE_BYTES)
