"""Settings of the database roles: the prefix of their names, and their passwords."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from crawljobs import errors
from crawljobs.settings.environment import Environment

# Postgres cuts names after 63 bytes. A role's name has at most 55 bytes: a prefix of 40 bytes, and
# the longest suffix, `_crawler_worker`, of 15 bytes.
_PREFIX = re.compile(r"[a-z_][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class RoleSettings:
    prefix: str
    # The passwords to set, by the suffix of the role's name. All other roles keep their passwords.
    passwords: Mapping[str, str] = field(repr=False)


def read_role_settings(variables: Mapping[str, str]) -> RoleSettings:
    env = Environment(variables)
    prefix = env.text("DATABASE_ROLE_PREFIX", "crawljobs")
    if not _PREFIX.fullmatch(prefix) or prefix.startswith("pg_"):
        raise errors.SettingsError(
            f"DATABASE_ROLE_PREFIX={prefix[:80]!r}: expected 1 to 40 of a-z, 0-9 and _, "
            "not starting with a digit or pg_"
        )
    given = {
        "owner": env.secret("OWNER_DATABASE_PASSWORD"),
        "admin_api": env.secret("ADMIN_API_DATABASE_PASSWORD"),
        "crawler_worker": env.secret("CRAWLER_WORKER_DATABASE_PASSWORD"),
        "scheduler": env.secret("SCHEDULER_DATABASE_PASSWORD"),
        "metrics": env.secret("METRICS_DATABASE_PASSWORD"),
        "reader": env.secret("READER_DATABASE_PASSWORD"),
    }
    return RoleSettings(
        prefix=prefix,
        passwords={role: password for role, password in given.items() if password is not None},
    )
