"""What threads free goes back to the system: glibc would keep it, in an arena for each thread."""

from __future__ import annotations

import contextlib
import ctypes

ARENAS = 2
LARGE_BYTES = 256 * 1024  # a body, a page of an export: given back to the system when freed
# The numbers of <malloc.h>.
_M_ARENA_MAX = -8
_M_MMAP_THRESHOLD = -3
_M_TRIM_THRESHOLD = -1


def bound() -> None:
    """For this process and those it forks; without glibc nothing happens."""
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_ARENA_MAX, ARENAS)
        mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)  # which would else grow with what is freed
        mallopt(_M_TRIM_THRESHOLD, LARGE_BYTES)
