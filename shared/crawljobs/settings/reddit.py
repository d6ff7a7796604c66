"""Settings of the connection to Reddit."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field

from crawljobs import errors
from crawljobs.settings import certificates, proxies
from crawljobs.settings.certificates import BROWSERS_TRUST, Trust
from crawljobs.settings.environment import Environment


@dataclass(frozen=True)
class RedditSettings:
    client_id: str
    client_secret: str = field(repr=False)
    user_agent: str
    api_url: str
    auth_url: str
    # The addresses of HTTP proxies. An address may contain a password.
    api_proxy: str | None = field(default=None, repr=False)
    auth_proxy: str | None = field(default=None, repr=False)
    trust: Trust = BROWSERS_TRUST


def read_reddit_settings(variables: Mapping[str, str]) -> RedditSettings:
    """Return the settings. Raises SettingsError if a setting is missing or invalid."""
    env = Environment(variables)
    client_id = env.text("REDDIT_CLIENT_ID", expected="the id of a Reddit OAuth client")
    client_secret = env.secret("REDDIT_CLIENT_SECRET")
    if client_secret is None:
        raise errors.SettingsError(
            "REDDIT_CLIENT_SECRET (or REDDIT_CLIENT_SECRET_FILE) is missing: "
            "expected the secret of a Reddit OAuth client"
        )
    # Reddit wants the name of the user's account in the User-Agent. The default names no
    # account, because the account is not known.
    agent = env.text("REDDIT_USER_AGENT", f"{platform.system().lower()}:crawljobs:0.1")
    if not (agent.isascii() and agent.isprintable()):
        raise errors.SettingsError(
            "REDDIT_USER_AGENT: expected printable ASCII such as "
            "'linux:my-crawler:1.0 (by /u/name)'"
        )
    api_url = env.url("REDDIT_API_URL", "https://oauth.reddit.com", plain_http="REDDIT_ALLOW_HTTP")
    auth_url = env.url("REDDIT_AUTH_URL", "https://www.reddit.com", plain_http="REDDIT_ALLOW_HTTP")
    trust = certificates.read_trust(variables)
    if any(url.lower().startswith("https:") for url in (api_url, auth_url)):
        certificates.refuse_unreadable(trust)
    return RedditSettings(
        client_id=client_id,
        client_secret=client_secret,
        user_agent=agent,
        api_url=api_url,
        auth_url=auth_url,
        api_proxy=proxies.proxy_of(api_url, variables),
        auth_proxy=proxies.proxy_of(auth_url, variables),
        trust=trust,
    )
