"""The setting for the address of a process's probe server (health pages and metrics)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crawljobs import errors
from crawljobs.settings.environment import Environment

MOST = 65_535


@dataclass(frozen=True)
class ProbeAddress:
    host: str
    port: int  # 0: the system chooses a free port, which the log shows


def read_probe_address(variables: Mapping[str, str]) -> ProbeAddress | None:
    """Return the address in PROBE_BIND, or None if PROBE_BIND is not set.

    None means that the process has no probe server. Raises SettingsError for an invalid address.
    """
    given = Environment(variables).optional("PROBE_BIND")
    if given is None:
        return None
    host, _, port = given.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal()) or int(port) > MOST:
        raise errors.SettingsError(
            f"PROBE_BIND={given[:80]!r}: expected host:port such as 127.0.0.1:8081"
        )
    return ProbeAddress(host.strip("[]"), int(port))
