"""Choose the environment variables that each process inherits from the demo."""

import re
from collections.abc import Iterable, Mapping

DATABASE = (
    *("DATABASE_URL", "DATABASE_URL_FILE", "DATABASE_DIRECT_URL", "DATABASE_DIRECT_URL_FILE"),
    *("PGPASSWORD", "PGPASSFILE", "PGSSLPASSWORD", "PGSERVICEFILE"),
)
TOKEN = ("ADMIN_API_TOKEN", "ADMIN_API_TOKEN_FILE")
REDDIT = ("REDDIT_CLIENT_ID", "REDDIT_CLIENT_SECRET", "REDDIT_CLIENT_SECRET_FILE")
WEBHOOKS = (
    *("WEBHOOK_MASTER_KEY", "WEBHOOK_MASTER_KEY_FILE"),
    *("WEBHOOK_MASTER_KEY_PREVIOUS", "WEBHOOK_MASTER_KEY_PREVIOUS_FILE"),
    *("WEBHOOK_PROXY", "WEBHOOK_PROXY_FILE"),
)
CONTENT_KEY = ("CONTENT_KEY", "CONTENT_KEY_FILE")
CONTENT = (*CONTENT_KEY, "EXPORT_DATABASE_URL", "EXPORT_DATABASE_URL_FILE")
TRACING = (
    *("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
    *("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"),
)
# A proxy address may contain a user and a password, so it is a secret. Only the crawler-worker
# needs the address, for its requests to Reddit.
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")

EVERY_ROLE = "every role"  # preflight.py uses this role, because it needs the secrets of all roles
# The secrets that each role needs. A process with this role does not inherit other secrets.
NEEDED: dict[str, tuple[str, ...]] = {
    EVERY_ROLE: (*DATABASE, *TOKEN, *REDDIT, *WEBHOOKS, *CONTENT, *TRACING, *PROXIES),
    "sandbox": (),
    "admin-api": (*DATABASE, *TOKEN, *WEBHOOKS, *CONTENT, *TRACING),
    "crawler-worker": (*DATABASE, *REDDIT, *CONTENT_KEY, *TRACING, *PROXIES),
    "scheduler": (*DATABASE, *WEBHOOKS, *TRACING),
}
# Variables that are always treated as secrets.
_KNOWN = frozenset({*DATABASE, *TOKEN, *REDDIT, *WEBHOOKS, *CONTENT, *TRACING})
_LOOKS_SECRET = re.compile(
    "TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|COOKIE|PRIVATE|API_?KEY|ACCESS_?KEY|AUTH|_DSN$|_PAT$"
    r"|(?:DATABASE|DB|POSTGRES|REDIS|MONGO|AMQP|BROKER)\w*_UR[IL]",
    re.IGNORECASE,
)
_HARMLESS = frozenset({"REDDIT_AUTH_URL"})  # the name looks secret, but the value is no secret
_USERINFO = re.compile(r"://[^/\s]*@")


def inherited(variables: Mapping[str, str], role: str, without: Iterable[str]) -> dict[str, str]:
    """Return all variables, except those in `without` and the secrets that the role does not need.

    A variable is a secret in three cases:

    - It is in _KNOWN.
    - Its name looks secret, such as X_TOKEN.
    - Its value is an address with a user and a password.
    """
    needed = NEEDED[role]
    left_out = frozenset(without)
    return {
        name: value
        for name, value in variables.items()
        if name not in left_out and (name.upper() in needed or not _is_secret(name, value))
    }


def _is_secret(name: str, value: str) -> bool:
    if name.upper() in _KNOWN:
        return True
    looks_secret = name not in _HARMLESS and _LOOKS_SECRET.search(name)
    return bool(looks_secret or _USERINFO.search(value[:10_000]))
