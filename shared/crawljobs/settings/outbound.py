"""Settings of requests to the addresses of webhooks, which users choose."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from crawljobs import errors
from crawljobs.settings.certificates import BROWSERS_TRUST, Trust, read_trust, refuse_unreadable
from crawljobs.settings.environment import Environment
from crawljobs.settings.networks import Network, read_networks

DEFAULT_PORTS = "443,8443"
PORT_RANGES_MAX = 100
_PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_PROXY = re.compile(
    r"http://(?:(?P<user>[^\s:/@]{1,200}):(?P<password>[^\s:/@]{0,1000})@)?"
    r"(?P<host>[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::(?P<port>[0-9]{1,5}))?/?",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True)
class OutboundProxy:
    """An HTTP proxy for CONNECT. User and password are percent-encoded, or None."""

    host: str
    port: int
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class ConnectionSettings:
    """How the scheduler sends the requests of webhooks. No other service sends these requests."""

    proxy: OutboundProxy | None = None
    trust: Trust = BROWSERS_TRUST


@dataclass(frozen=True)
class OutboundSettings:
    """The targets that the guard of outbound requests allows."""

    allow_http: bool = False
    allowed_networks: tuple[Network, ...] = ()
    # Each pair is a range of ports: the first port and the last port.
    allowed_ports: tuple[tuple[int, int], ...] = ((443, 443), (8443, 8443))

    def allows_port(self, port: int) -> bool:
        return any(first <= port <= last for first, last in self.allowed_ports)

    def shown_ports(self) -> str:
        """Return the allowed ports, as the setting writes them."""
        return ",".join(
            f"{first}" if first == last else f"{first}-{last}" for first, last in self.allowed_ports
        )


def read_outbound_settings(variables: Mapping[str, str]) -> OutboundSettings:
    """Return the settings. Raises SettingsError if a setting is invalid."""
    env = Environment(variables)
    return OutboundSettings(
        allow_http=env.flag("WEBHOOK_ALLOW_HTTP", default=False),
        allowed_networks=read_networks(env, "WEBHOOK_ALLOWED_NETWORKS"),
        allowed_ports=_ports(env.text("WEBHOOK_ALLOWED_PORTS", DEFAULT_PORTS)),
    )


def read_connection_settings(variables: Mapping[str, str]) -> ConnectionSettings:
    """Return the settings. Raises SettingsError if a setting is invalid."""
    trust = read_trust(variables)
    refuse_unreadable(trust)
    return ConnectionSettings(_proxy(Environment(variables).secret("WEBHOOK_PROXY")), trust)


def _ports(written: str) -> tuple[tuple[int, int], ...]:
    ranges: list[tuple[int, int]] = []
    for part in written.split(",")[: PORT_RANGES_MAX + 1]:
        found = _PORTS.fullmatch(part.strip())
        first = int(found[1]) if found else 0
        last = int(found[2] or found[1]) if found else 0
        if not 0 < first <= last < 65_536 or len(ranges) == PORT_RANGES_MAX:
            raise errors.SettingsError(
                f"WEBHOOK_ALLOWED_PORTS={part.strip()[:80]!r}: expected at most {PORT_RANGES_MAX} "
                "ports or ranges such as 443,8000-8999, separated by commas"
            )
        ranges.append((first, last))
    return tuple(ranges)


def _proxy(written: str | None) -> OutboundProxy | None:
    """Return the proxy. No error message has the address, because it may contain a password."""
    if written is None:
        return None
    found = _PROXY.fullmatch(written)
    port = int(found["port"] or 3128) if found else 0
    if found is None or not 0 < port < 65_536:
        raise errors.SettingsError(
            "WEBHOOK_PROXY: expected the address of an HTTP proxy such as http://proxy:3128 or "
            "http://user:password@proxy:3128"
        )
    return OutboundProxy(found["host"].strip("[]"), port, found["user"], found["password"])
