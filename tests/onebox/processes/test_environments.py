"""Each process of the demo inherits only the secrets that it needs."""

import pytest

from onebox.processes import environments

SECRETS = {
    "DATABASE_URL": "postgresql://u:p@h/d",
    "DATABASE_DIRECT_URL_FILE": "/run/secrets/direct",
    "PGPASSWORD": "p",
    "ADMIN_API_TOKEN": "t",
    "WEBHOOK_MASTER_KEY": "m",
    "CONTENT_KEY": "c",
    "REDDIT_CLIENT_ID": "i",
    "REDDIT_CLIENT_SECRET": "s",
    "OTEL_EXPORTER_OTLP_HEADERS": "authorization=x",
    "https_proxy": "http://u:p@proxy:3128",
    "OWNER_DATABASE_PASSWORD": "p",
    "GITHUB_TOKEN": "g",
    "AWS_SECRET_ACCESS_KEY": "a",
    "OPENAI_API_KEY": "o",
    "PIP_INDEX_URL": "https://u:p@index/simple",
    "OTHER_DATABASE_URL": "mysql://here",
    "SENTRY_DSN": "https://x@sentry/1",
    "SESSION_COOKIE": "c",
}
HARMLESS = {
    "PATH": "/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "REDDIT_API_URL": "http://127.0.0.1:1",
    "REDDIT_AUTH_URL": "http://127.0.0.1:1",
    "REDDIT_USER_AGENT": "linux:x:1 (by /u/x)",
    "WORKER_CONCURRENCY": "2",
    "HTTP_PROXY": "http://proxy:3128",
    "NO_PROXY": "localhost",
    "SSL_CERT_FILE": "/etc/ssl/ca.pem",
    "LD_PRELOAD": "libfaketime.so.1",
}
NEEDED = {
    "sandbox": set(),
    "scheduler": {
        *("DATABASE_URL", "DATABASE_DIRECT_URL_FILE", "PGPASSWORD", "OTEL_EXPORTER_OTLP_HEADERS"),
        "WEBHOOK_MASTER_KEY",
    },
}
NEEDED["admin-api"] = NEEDED["scheduler"] | {"ADMIN_API_TOKEN", "CONTENT_KEY"}
NEEDED["crawler-worker"] = NEEDED["scheduler"] - {"WEBHOOK_MASTER_KEY"} | {
    *("REDDIT_CLIENT_ID", "REDDIT_CLIENT_SECRET", "https_proxy", "CONTENT_KEY")
}


@pytest.mark.parametrize("role", sorted(NEEDED))
def test_a_process_inherits_its_own_secrets_alone(role: str) -> None:
    given = environments.inherited({**SECRETS, **HARMLESS, "LEFT": "x"}, role, ["LEFT"])
    assert set(given) - set(HARMLESS) == NEEDED[role]
    assert set(HARMLESS) <= set(given)
