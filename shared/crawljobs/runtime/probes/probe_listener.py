"""The listening socket of the probe server."""

from __future__ import annotations

import os
import socket

from crawljobs import errors
from crawljobs.settings import ProbeAddress

BACKLOG = 1_024


def opened(address: ProbeAddress) -> socket.socket:
    """Open a non-blocking listening socket. Raises SettingsError if the address cannot be used."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        listener = socket.create_server(
            (address.host, address.port), family=family, backlog=BACKLOG
        )
    except (OSError, OverflowError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        raise errors.SettingsError(
            f"PROBE_BIND='{address.host}:{address.port}' cannot be used ({why}): "
            "choose a free port of an address of this machine"
        ) from None
    listener.setblocking(False)
    return listener
