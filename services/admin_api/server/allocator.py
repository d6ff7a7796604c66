"""Makes glibc return freed memory to the system; by default it keeps an arena per thread."""

from __future__ import annotations

import contextlib
import ctypes

ARENAS = 2
LARGE_BYTES = 256 * 1024  # larger blocks (bodies, export batches) return to the system when freed
# Constants of <malloc.h>.
_M_ARENA_MAX = -8
_M_MMAP_THRESHOLD = -3
_M_TRIM_THRESHOLD = -1


def bound() -> None:
    """Set the limits for this process and its forks; does nothing without glibc."""
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_ARENA_MAX, ARENAS)
        mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)  # a fixed value: glibc would raise it over time
        mallopt(_M_TRIM_THRESHOLD, LARGE_BYTES)
