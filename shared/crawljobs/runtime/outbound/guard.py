"""Decide whether a request may go to a URL, and to which addresses.

The creation of an endpoint, its test and each delivery use the same function. So the same rules
apply in all three cases.
"""

from __future__ import annotations

from dataclasses import dataclass

from crawljobs.runtime import logs
from crawljobs.runtime.log_limit import LogLimit
from crawljobs.runtime.outbound import address_rules, target_url
from crawljobs.runtime.outbound.address_rules import Address
from crawljobs.runtime.outbound.outbound_errors import RefusedTarget
from crawljobs.runtime.outbound.resolver import LOOKUP_SECONDS, Resolver
from crawljobs.runtime.outbound.target_url import TargetUrl
from crawljobs.settings import OutboundSettings

log = logs.get_logger(__name__)


@dataclass(frozen=True)
class CheckedTarget:
    """A URL that passed the guard, and the addresses to which a connection may go."""

    url: TargetUrl
    addresses: tuple[Address, ...]


class Guard:
    """Checks URLs against the settings. Thread-safe."""

    def __init__(self, chosen: OutboundSettings, resolver: Resolver | None = None) -> None:
        self._chosen = chosen
        self._limit = LogLimit()
        self.resolver = resolver or Resolver()

    def check(self, url: str, *, seconds: float = LOOKUP_SECONDS) -> CheckedTarget:
        """Return the target with its addresses, which are resolved within `seconds`.

        Raises RefusedTarget if the URL or one of its addresses is refused, and NameNotResolved if
        the name has no address now. Each address must be allowed, because a connection could use
        any of them.
        """
        target = target_url.parse(url)
        if target.scheme == "http" and not self._chosen.allow_http:
            raise RefusedTarget("expected https://; WEBHOOK_ALLOW_HTTP=true allows http")
        if not self._chosen.allows_port(target.port):
            raise RefusedTarget(
                f"the port {target.port} is not in WEBHOOK_ALLOWED_PORTS "
                f"({self._chosen.shown_ports()})"
            )
        if target.address is not None:
            found: tuple[Address, ...] = (target.address,)
        else:
            found = self.resolver.addresses(target.host, seconds=seconds)
        for address in found:
            if reason := address_rules.refusal(address, self._chosen.allowed_networks):
                raise RefusedTarget(f"{self._shown(address, target)}: {reason}")
        return CheckedTarget(target, tuple(address_rules.unmapped(each) for each in found))

    def _shown(self, address: Address, target: TargetUrl) -> str:
        """Return the refused address as the message of the refusal shows it.

        If the address was found by a name, the message hides it. Otherwise users could find out the
        addresses of internal names. The log of this process shows the address.
        """
        if target.address is not None:
            return str(address)
        if (left_out := self._limit.lines_left_out()) is not None:
            log.warning(
                "outbound.address_refused",
                host=target.host,
                address=str(address),
                lines_left_out=left_out,
            )
        return f"an address of {target.host} is refused"
