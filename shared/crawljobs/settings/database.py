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
    direct = env.optional("DATABASE_DIRECT_URL")
    if direct is None:
        return DatabaseSettings(url=url, direct_url=url, pooled=False)
    direct = _database_url(env, "DATABASE_DIRECT_URL")
    return DatabaseSettings(url=url, direct_url=direct, pooled=True)


def _database_url(env: Environment, name: str) -> str:
    expected = "an address such as postgresql://user:password@host:5432/database"
    url = env.text(name, expected=expected)
    if not url.startswith(("postgresql://", "postgres://")):
        # The value is not repeated: it may hold a password.
        raise errors.SettingsError(f"{name}: expected {expected}")
    return url
