"""The settings for the addresses of the database."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from psycopg import conninfo
from psycopg import errors as driver

from crawljobs import errors
from crawljobs.settings.environment import Environment

SCHEMES = ("postgresql://", "postgres://")
_HOW_TO_ENCODE = (
    "expected an address such as postgresql://user:password@host:5432/database, in which user, "
    "password and parameters are percent-encoded: @ is %40, / is %2F, # is %23, ? is %3F, "
    "% is %25, a blank is %20"
)
# A character that RFC 3986 allows, or a percent-encoded character. Some versions of the driver also
# accept other characters. These versions may split a password at one of them, and read the rest
# as a host or a port.
_ENCODED = r"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%(?!00)[0-9A-Fa-f]{2})"
_URL = re.compile(
    rf"(?:(?P<user>{_ENCODED}*+)(?::(?P<password>(?:{_ENCODED}|:)*+))?@)?"
    rf"(?P<hosts>(?:{_ENCODED}|[:\[\]])*+)"
    rf"(?:/(?P<database>(?:{_ENCODED}|[:/])*+))?"
    rf"(?:\?(?P<parameters>(?:{_ENCODED}|[:/?\[\]])*+))?"
)
_PORT = re.compile(r"[0-9]{0,5}")


@dataclass(frozen=True)
class DatabaseSettings:
    url: str = field(repr=False)
    # The address of the server itself, for LISTEN and for extending leases. If `url` is the address
    # of a connection pooler, the two addresses differ.
    direct_url: str = field(repr=False)
    pooled: bool


def read_database_settings(variables: Mapping[str, str]) -> DatabaseSettings:
    """Return the addresses of the database.

    Raises SettingsError if DATABASE_URL is missing, or if an address is invalid.
    """
    env = Environment(variables)
    url = _database_url(env, "DATABASE_URL")
    if env.secret("DATABASE_DIRECT_URL") is None:
        return DatabaseSettings(url=url, direct_url=url, pooled=False)
    direct = _database_url(env, "DATABASE_DIRECT_URL")
    return DatabaseSettings(url=url, direct_url=direct, pooled=True)


def _database_url(env: Environment, name: str) -> str:
    url = env.secret(name)  # the address is a secret, because it may contain a password
    if url is None:
        raise errors.SettingsError(f"{name} is missing, and so is {name}_FILE: {_HOW_TO_ENCODE}")
    return checked_database_url(name, url)


def checked_database_url(name: str, url: str) -> str:
    """Return the address of the setting `name`. Raises SettingsError if it is ambiguous or invalid.

    The message quotes no part of the address, because any part may contain an unencoded password.
    """
    scheme = next((each for each in SCHEMES if url.startswith(each)), None)
    found = None if scheme is None else _URL.fullmatch(url, len(scheme))
    if found is None or not _is_readable(url):
        raise errors.SettingsError(f"{name}: {_HOW_TO_ENCODE}")
    return url


def _is_readable(url: str) -> bool:
    """Return whether the driver can parse the address, and whether the ports are valid."""
    try:
        parts = conninfo.conninfo_to_dict(url)
    except (driver.Error, ValueError):
        return False
    ports = str(parts.get("port") or "").split(",")
    return all(_PORT.fullmatch(port) and int(port or 1) in range(1, 65_536) for port in ports)
