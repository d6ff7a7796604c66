"""Settings of the service admin-api: address, token, trusted proxies and limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from crawljobs import errors
from crawljobs.settings.environment import Environment
from crawljobs.settings.networks import Network, read_networks

TOKEN_MIN = 32  # least length of the token in characters; a shorter token could be guessed
# A token that contains one of these words was probably copied from an example.
_PLACEHOLDERS = ("changeme", "change-me", "change_me", "replace", "example", "secret", "password")


@dataclass(frozen=True)
class AdminApiSettings:
    token: str = field(repr=False)
    trusted_proxies: tuple[Network, ...]
    bind: str  # the address on which the API listens
    workers: int  # number of processes
    # The limit of concurrent requests, and of database connections, in each process.
    threads: int
    # The limits of each token in each process: requests per second, exports at the same time, and
    # replies stored for idempotency keys per day. 0 means no limit. ADMIN_API_TOKEN has no limit.
    requests_per_second: int
    exports_at_once: int
    kept_answers_mib: int  # limit in MiB of the replies stored for idempotency keys in one day


def read_admin_api_settings(variables: Mapping[str, str]) -> AdminApiSettings:
    """Return the settings. Raises SettingsError if a setting is missing or invalid."""
    env = Environment(variables)
    token = env.secret("ADMIN_API_TOKEN")
    expected = f"expected at least {TOKEN_MIN} random characters"
    if token is None:
        raise errors.SettingsError(
            f"ADMIN_API_TOKEN (or ADMIN_API_TOKEN_FILE) is missing: {expected}"
        )
    if len(token) < TOKEN_MIN:
        raise errors.SettingsError(f"ADMIN_API_TOKEN has {len(token)} characters: {expected}")
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise errors.SettingsError(
            "ADMIN_API_TOKEN holds characters that an HTTP header cannot carry: "
            "expected letters, digits and punctuation of ASCII"
        )
    if any(word in token.lower() for word in _PLACEHOLDERS) or len(set(token)) < 8:
        raise errors.SettingsError(f"ADMIN_API_TOKEN looks like a placeholder: {expected}")
    return AdminApiSettings(
        token=token,
        trusted_proxies=read_networks(env, "TRUSTED_PROXIES"),
        bind=env.text("ADMIN_API_BIND", "127.0.0.1:8000"),
        workers=env.whole("ADMIN_API_WORKERS", 2, unit="processes", least=1, most=64),
        threads=env.whole("ADMIN_API_THREADS", 8, unit="threads", least=1, most=256),
        requests_per_second=env.whole(
            "ADMIN_API_REQUESTS_PER_SECOND", 100, unit="requests", least=0, most=100_000
        ),
        kept_answers_mib=env.whole(
            "ADMIN_API_KEPT_ANSWERS_MIB", 256, unit="MiB", least=0, most=1_048_576
        ),
        exports_at_once=env.whole(
            "ADMIN_API_EXPORTS_AT_ONCE", 2, unit="exports", least=0, most=256
        ),
    )
