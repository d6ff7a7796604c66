"""Let a worker process of the sandbox end when its master process ends."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def end_with(master: int) -> None:
    """Make the kernel kill this process when its parent `master` ends, even if SIGKILL ends it.

    If the master has already ended, end this process at once. Only Linux can kill a process at the
    end of its parent. On other systems, this process ends later, when it notices that it has
    another parent. Raises OSError if the kernel refuses.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != master:
        os._exit(1)
