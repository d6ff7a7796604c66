"""Check every setting before any process starts: refuse wrong settings, report unused settings."""

import secrets
from collections.abc import Mapping

from crawljobs import settings
from crawljobs.settings.environment import Environment
from onebox import reddit_source
from onebox.processes import services

PLACEHOLDER_URL = "postgresql://not-started-yet/"


def refuse_wrong_settings(variables: Mapping[str, str], source: str) -> None:
    """Raise SettingsError if one of the processes would refuse a setting."""
    sandbox = "http://127.0.0.1" if source == reddit_source.SANDBOX else None
    given = services.Settings(PLACEHOLDER_URL, PLACEHOLDER_URL, "", sandbox, discovers=True)
    environment = given.environment()
    settings.read_log_settings(environment)
    settings.read_queue_settings(environment)
    settings.read_crawl_settings(environment)
    settings.read_revisit_settings(environment)
    settings.read_max_retries(environment)
    settings.read_scheduler_settings(environment)
    settings.read_webhook_settings(environment)
    settings.read_outbound_settings(environment)
    settings.read_reddit_settings(environment)
    # If the user gives no token, the demo later uses a random token from the data folder. In that
    # case, this check uses another random token.
    token = Environment(variables).secret("ADMIN_API_TOKEN") or secrets.token_urlsafe(32)
    settings.read_admin_api_settings({**environment, "ADMIN_API_TOKEN": token})


def unused(variables: Mapping[str, str], source: str) -> list[str]:
    """Return a sentence for each variable that the user has set and the demo ignores."""
    reasons = {
        "ADMIN_API_BIND": "the API listens on 127.0.0.1, at --port",
        "INSTANCE_NAME": "the demo names its processes itself",
        "PROBE_BIND": "each process serves probes on a free port, which its log names",
    }
    if source == reddit_source.SANDBOX:
        both = "without REDDIT_CLIENT_ID and REDDIT_CLIENT_SECRET the sandbox is crawled"
        reasons |= dict.fromkeys(("REDDIT_API_URL", "REDDIT_AUTH_URL"), both)
    if not any(variables.get(name, "").strip() for name in ("DATABASE_URL", "DATABASE_URL_FILE")):
        alone = "without DATABASE_URL the embedded Postgres is used"
        reasons |= dict.fromkeys(("DATABASE_DIRECT_URL", "DATABASE_DIRECT_URL_FILE"), alone)
    ignored = [
        f"{name} is ignored: {reason}."
        for name, reason in reasons.items()
        if variables.get(name, "").strip()
    ]
    return ignored + [
        f"{name} is ignored: it is no setting. Did you mean {setting}?"
        for name, setting in settings.misspelt(variables).items()
    ]
