"""Where the database is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crawljobs import errors
from crawljobs.environment import Environment


@dataclass(frozen=True)
class DatabaseSettings:
    url: str
    # For lease extension and LISTEN, when `url` is a pooler; else the same.
    direct_url: str
    pooled: bool


def read_database_settings(variables: Mapping[str, str]) -> DatabaseSettings:
    env = Environment(variables)
    url = _database_url(env, "DATABASE_URL")
    if env.secret("DATABASE_DIRECT_URL") is None:
        return DatabaseSettings(url=url, direct_url=url, pooled=False)
    direct = _database_url(env, "DATABASE_DIRECT_URL")
    return DatabaseSettings(url=url, direct_url=direct, pooled=True)


def _database_url(env: Environment, name: str) -> str:
    expected = "an address such as postgresql://user:password@host:5432/database"
    url = env.secret(name)  # it may hold a password
    if url is None:
        raise errors.SettingsError(f"{name} is missing, and so is {name}_FILE: expected {expected}")
    if not url.startswith(("postgresql://", "postgres://")):
        # The value is not repeated.
        raise errors.SettingsError(f"{name}: expected {expected}")
    return url
