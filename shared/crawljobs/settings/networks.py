"""Settings that are lists of networks."""

from __future__ import annotations

import ipaddress

from crawljobs import errors
from crawljobs.settings.environment import Environment

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def read_networks(env: Environment, name: str) -> tuple[Network, ...]:
    """Return the networks of the setting `name`. Raises SettingsError if a network is invalid."""
    raw = env.optional(name)
    networks: list[Network] = []
    for part in raw.split(",") if raw else ():
        try:
            networks.append(ipaddress.ip_network(part.strip()))
        except ValueError:
            raise errors.SettingsError(
                f"{name}={part.strip()[:80]!r}: expected networks such as 10.0.0.0/8, "
                "separated by commas"
            ) from None
    return tuple(networks)
