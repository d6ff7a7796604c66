"""Find the proxy for an address, from HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from crawljobs import errors
from crawljobs.settings.environment import is_this_machine

NAMES = {"https": "HTTPS_PROXY", "http": "HTTP_PROXY"}
_PROXY = re.compile(
    r"https?://(?:[^\s/@]{0,1000}@)?(?:[a-z0-9._-]{1,255}|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?/?",
    re.ASCII | re.IGNORECASE,
)


def proxy_of(address: str, variables: Mapping[str, str]) -> str | None:
    """Return the address of the proxy, or None if no proxy is used.

    An address on this machine or in NO_PROXY uses no proxy. Raises SettingsError if the proxy is
    not an HTTP proxy. The address of the proxy may contain a password, so the message does not
    quote the address.
    """
    parts = urlsplit(address)
    host = (parts.hostname or "").rstrip(".")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    name, proxy = _first(variables, NAMES[parts.scheme], "ALL_PROXY")
    if not proxy or is_this_machine(host):
        return None
    _, excepted = _first(variables, "NO_PROXY")
    if any(_covers(entry, host, port) for entry in set(excepted.replace(",", " ").split())):
        return None
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    if not _PROXY.fullmatch(proxy) or not _has_port(proxy):
        raise errors.SettingsError(
            f"{name}: expected the address of an HTTP proxy, which starts with http:// or https:// "
            "(SOCKS is not supported); NO_PROXY excepts hosts from it"
        )
    return proxy.rstrip("/")


def _first(variables: Mapping[str, str], *names: str) -> tuple[str, str]:
    """Return the name and value of the first of these variables that is not empty.

    Each name is read in lower case first, then in upper case. If the name in lower case is set,
    even to an empty value, the name in upper case is ignored. If all are empty, the function
    returns two empty texts.
    """
    for name in names:
        for written in (name.lower(), name):
            if written in variables:
                if value := variables[written].strip():
                    return written, value
                break
    return "", ""


def _has_port(proxy: str) -> bool:
    try:
        return urlsplit(proxy).port != 0
    except ValueError:
        return False


def _covers(entry: str, host: str, port: int) -> bool:
    """Return whether an entry of NO_PROXY matches this host.

    An entry is `*`, a domain, an IP address, or a range of IP addresses. An entry may end with a
    port, except `*` and a range of IPv6 addresses. An entry of another form matches no host.
    """
    if entry == "*":
        return True
    entry = entry.lower()
    if _is_within(host, entry):
        return True
    name, colon, number = entry.rpartition(":")
    if colon and number.isdigit() and not name.endswith(":"):
        if number.lstrip("0") != str(port):
            return False
        entry = name
    domain = entry.removeprefix("*").strip(".")
    return _is_within(host, entry) or (
        bool(domain) and (host == domain or host.endswith(f".{domain}"))
    )


def _is_within(host: str, network: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
        return address in ipaddress.ip_network(network.strip("[]"), strict=False)
    except ValueError:
        return False
