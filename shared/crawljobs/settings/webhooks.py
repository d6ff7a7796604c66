"""Settings of webhooks: master keys, and the public URL for links.

outbound.py has the settings of the connections to the receivers of webhooks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from crawljobs import errors
from crawljobs.domain.webhook_secret import MASTER_KEY_MIN
from crawljobs.settings.environment import ADDRESS, Environment


@dataclass(frozen=True)
class WebhookSettings:
    """Settings for the secrets and bodies of webhooks. Without a master key, webhooks are off."""

    master_key: bytes | None = field(repr=False)
    # The previous key signs deliveries too, because receivers may still have secrets that were
    # derived from this key.
    previous_master_key: bytes | None = field(repr=False)
    public_url: str | None  # the start of links, without a slash at its end

    @property
    def enabled(self) -> bool:
        return self.master_key is not None


def read_webhook_settings(variables: Mapping[str, str]) -> WebhookSettings:
    """Return the settings. Raises SettingsError if a setting is invalid."""
    env = Environment(variables)
    master_key = _key("WEBHOOK_MASTER_KEY", env.secret("WEBHOOK_MASTER_KEY"))
    previous = _key("WEBHOOK_MASTER_KEY_PREVIOUS", env.secret("WEBHOOK_MASTER_KEY_PREVIOUS"))
    if previous is not None and master_key is None:
        raise errors.SettingsError(
            "WEBHOOK_MASTER_KEY_PREVIOUS is set without WEBHOOK_MASTER_KEY: set both, or none"
        )
    return WebhookSettings(master_key, previous, _public_url(env))


def _key(name: str, key: str | None) -> bytes | None:
    if key is None:
        return None
    encoded = key.encode()
    if len(encoded) < MASTER_KEY_MIN or len(set(key)) < 8:
        raise errors.SettingsError(
            f"{name}: expected at least {MASTER_KEY_MIN} random characters, "
            "as `openssl rand -hex 32` prints them"
        )
    return encoded


def _public_url(env: Environment) -> str | None:
    raw = env.optional("PUBLIC_URL")
    if raw is None:
        return None
    found = ADDRESS.fullmatch(raw)
    if found is None or not 0 < int(found["port"] or "1") < 65_536:
        raise errors.SettingsError(
            "PUBLIC_URL: expected the address of admin-api for its users, such as "
            "https://crawl.example.com, without user, password, ? and #"
        )
    return raw.rstrip("/")
