"""Where the database is."""

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
# RFC 3986. The driver takes some other characters too, each version others, and reads a password
# that is cut short at one of them as a host, a port or a database.
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
    # For lease extension and LISTEN, when `url` is a pooler; else the same.
    direct_url: str = field(repr=False)
    pooled: bool


def read_database_settings(variables: Mapping[str, str]) -> DatabaseSettings:
    env = Environment(variables)
    url = _database_url(env, "DATABASE_URL")
    if env.secret("DATABASE_DIRECT_URL") is None:
        return DatabaseSettings(url=url, direct_url=url, pooled=False)
    direct = _database_url(env, "DATABASE_DIRECT_URL")
    return DatabaseSettings(url=url, direct_url=direct, pooled=True)


def _database_url(env: Environment, name: str) -> str:
    url = env.secret(name)  # it may hold a password
    if url is None:
        raise errors.SettingsError(f"{name} is missing, and so is {name}_FILE: {_HOW_TO_ENCODE}")
    return checked_database_url(name, url)


def checked_database_url(name: str, url: str) -> str:
    """The address, when the driver can read it in one way alone.

    `name` is the setting. Raises SettingsError with no part of the address: a password that is not
    encoded may stand anywhere in it.
    """
    scheme = next((one for one in SCHEMES if url.startswith(one)), None)
    found = None if scheme is None else _URL.fullmatch(url, len(scheme))
    if found is None or not _is_readable(url):
        raise errors.SettingsError(f"{name}: {_HOW_TO_ENCODE}")
    return url


def _is_readable(url: str) -> bool:
    """Whether the driver reads it, and finds ports where it must."""
    try:
        parts = conninfo.conninfo_to_dict(url)
    except (driver.Error, ValueError):
        return False
    ports = str(parts.get("port") or "").split(",")
    return all(_PORT.fullmatch(port) and int(port or 1) in range(1, 65_536) for port in ports)
