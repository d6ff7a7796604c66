"""A wrong setting stops the process and is named. The documentation lists every setting."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crawljobs import errors, settings

ROOT = Path(__file__).parents[2]
TOKEN = "q8Zr4vT1xW7yB2nM5kJ9hG3fD6sA0pLc"
READERS: dict[str, tuple[Callable[..., Any], dict[str, str]]] = {
    "database": (settings.read_database_settings, {"DATABASE_URL": "postgresql://h/d"}),
    "admin-api": (settings.read_admin_api_settings, {"ADMIN_API_TOKEN": TOKEN}),
    "scheduler": (settings.read_scheduler_settings, {}),
    "queue": (settings.read_queue_settings, {}),
    "reddit": (
        settings.read_reddit_settings,
        {"REDDIT_CLIENT_ID": "id", "REDDIT_CLIENT_SECRET": "hush"},
    ),
    "crawl": (settings.read_crawl_settings, {}),
    "revisit": (settings.read_revisit_settings, {}),
    "retries": (settings.read_max_retries, {}),
    "probes": (settings.read_probe_address, {}),
    "outbound": (settings.read_outbound_settings, {}),
    "connections": (settings.read_connection_settings, {}),
}


@pytest.mark.parametrize("reader", sorted(READERS))
def test_defaults_are_enough(reader: str) -> None:
    read, variables = READERS[reader]
    read(variables)


@pytest.mark.parametrize(
    ("reader", "name", "value", "expected"),
    [
        ("queue", "WORKER_CONCURRENCY", "x", "a whole number of jobs from 1 to 200"),
        ("queue", "WORKER_CONCURRENCY", "0", "a whole number of jobs from 1 to 200"),
        ("queue", "LEASE_SECONDS", "nan", "a number of seconds from 1 to 3600"),
        ("queue", "LEASE_SECONDS", "-3", "a number of seconds"),
        ("queue", "LEASE_SECONDS", "1000", "expected more than LEASE_SECONDS (1000 s)"),
        ("queue", "RETENTION_DAYS", "1.5", "a whole number of days"),
        ("queue", "RETRY_JITTER", "1", "from 0 to 0.9"),
        (
            "queue",
            "RETRY_MAX_HOURS",
            "0.01",
            "RETRY_BASE_SECONDS='60': expected at most RETRY_MAX_HOURS",
        ),
        ("crawl", "POSTS_SORT", "best", "one of new, hot, top"),
        ("crawl", "FETCH_USER_SUBREDDITS", "maybe", "true or false"),
        ("crawl", "MAX_POSTS_PER_SUB", "1001", "from 1 to 1000"),
        ("crawl", "MIN_REQUEST_GAP_SECONDS", "-1", "a number of seconds from 0 to 3600"),
        ("revisit", "STALE_DAYS", "x", "a whole number of days"),
        ("scheduler", "SCHEDULER_TICK_SECONDS", "soon", "a number of seconds"),
        ("reddit", "REDDIT_API_URL", "ftp://x", "starts with http:// or https://"),
        ("reddit", "REDDIT_USER_AGENT", "a\nb", "printable ASCII"),
        ("database", "DATABASE_URL", "mysql://u:hush@h/d", "postgresql://user:password@host"),
        ("database", "DATABASE_URL", "", "DATABASE_URL is missing, and so is DATABASE_URL_FILE"),
        ("probes", "PROBE_BIND", "8081", "PROBE_BIND='8081': expected host:port"),
        ("probes", "PROBE_BIND", "127.0.0.1:99999", "expected host:port"),
        ("admin-api", "ADMIN_API_TOKEN", "", "is missing"),
        ("admin-api", "ADMIN_API_TOKEN", "short", "has 5 characters"),
        ("admin-api", "ADMIN_API_TOKEN", "changeme" * 5, "looks like a placeholder"),
        ("admin-api", "ADMIN_API_TOKEN", "a" * 40, "looks like a placeholder"),
        ("admin-api", "ADMIN_API_TOKEN", TOKEN + "\n\x01x", "cannot carry"),
        ("admin-api", "TRUSTED_PROXIES", "10.0.0.0/8,ten", "TRUSTED_PROXIES='ten'"),
        ("outbound", "WEBHOOK_ALLOWED_NETWORKS", "10.0.0.1/8", "expected networks such as"),
        ("outbound", "WEBHOOK_ALLOWED_PORTS", "443,0", "WEBHOOK_ALLOWED_PORTS='0'"),
        ("outbound", "WEBHOOK_ALLOWED_PORTS", "9000-8000", "ports or ranges"),
        ("outbound", "WEBHOOK_ALLOWED_PORTS", "1-65536", "ports or ranges"),
        ("outbound", "WEBHOOK_ALLOWED_PORTS", "1," * 101, "at most 100 ports"),
        ("outbound", "WEBHOOK_ALLOW_HTTP", "perhaps", "true or false"),
        ("connections", "WEBHOOK_PROXY", "socks5://u:hush@proxy:1080", "an HTTP proxy such as"),
        ("connections", "WEBHOOK_PROXY", "http://u:hush@proxy:99999", "an HTTP proxy such as"),
        ("connections", "SSL_CERT_FILE", "/no/such/file", "expected certificates in PEM"),
    ],
)
def test_a_wrong_value_is_refused_by_name(
    reader: str, name: str, value: str, expected: str
) -> None:
    read, variables = READERS[reader]
    with pytest.raises(errors.SettingsError) as refused:
        read({**variables, name: value})
    message = str(refused.value)
    assert expected in message
    assert any(known in message for known in (name, "RESET_CRAWLING_AFTER_MIN"))
    assert "hush" not in message


def test_a_secret_may_come_from_a_file_but_not_from_both(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    read = settings.read_admin_api_settings
    assert read({"ADMIN_API_TOKEN_FILE": str(file)}).token == TOKEN
    with pytest.raises(errors.SettingsError, match="both set"):
        read({"ADMIN_API_TOKEN_FILE": str(file), "ADMIN_API_TOKEN": TOKEN})
    with pytest.raises(errors.SettingsError, match="readable text file"):
        read({"ADMIN_API_TOKEN_FILE": str(tmp_path / "none")})


def test_addresses_of_the_database_may_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "pooled").write_text("postgresql://pool/d\n")
    (tmp_path / "direct").write_text("postgresql://h/d\n")
    found = settings.read_database_settings(
        {
            "DATABASE_URL_FILE": str(tmp_path / "pooled"),
            "DATABASE_DIRECT_URL_FILE": str(tmp_path / "direct"),
        }
    )
    assert (found.url, found.direct_url) == ("postgresql://pool/d", "postgresql://h/d")


def test_an_address_of_a_pooler_needs_a_direct_one_beside_it() -> None:
    read = settings.read_database_settings
    assert not read({"DATABASE_URL": "postgresql://h/d"}).pooled
    both = read({"DATABASE_URL": "postgresql://pool/d", "DATABASE_DIRECT_URL": "postgresql://h/d"})
    assert both.pooled
    assert both.direct_url == "postgresql://h/d"


def test_every_setting_of_the_code_is_documented_and_no_other() -> None:
    package = ROOT / "shared/crawljobs"
    # These two list the names of the page, and names of other programs.
    names_only = {"names.py", "misspelt.py"}
    read_in = [
        *(path for path in (package / "settings").glob("*.py") if path.name not in names_only),
        package / "runtime/logs.py",
    ]
    code = "\n".join(path.read_text() for path in read_in)
    no_settings = {"DEBUG", "ERROR", "WARNING", *settings.__all__}
    in_code = set(re.findall(r'"([A-Z][A-Z_]{4,})"', code)) - no_settings
    table = (ROOT / "docs/reference/settings.md").read_text()
    documented = set(re.findall(r"^\| `([A-Z_]+)`", table, re.MULTILINE))
    assert documented == in_code


def test_no_representation_of_settings_shows_a_secret() -> None:
    secret = "Q8zr4vt1xw7yb2nm5kj9hg3fd6sa0plC"
    address = f"postgresql://u:{secret}@h/d"
    given = {
        "DATABASE_URL": address,
        "DATABASE_DIRECT_URL": address,
        "ADMIN_API_TOKEN": secret,
        "REDDIT_CLIENT_ID": "id",
        "REDDIT_CLIENT_SECRET": secret,
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector",
        "HTTPS_PROXY": f"http://u:{secret}@proxy",
        "WEBHOOK_PROXY": f"http://u:{secret}@proxy",
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{secret}",
        **{
            f"{role}_DATABASE_PASSWORD": secret
            for role in ("OWNER", "ADMIN_API", "CRAWLER_WORKER", "SCHEDULER", "METRICS")
        },
    }
    readers = {name: getattr(settings, name) for name in dir(settings) if name.startswith("read_")}
    assert len(readers) > 10
    for name, read in readers.items():
        found = read(given, "role") if name == "read_instance_name" else read(given)
        assert secret not in repr(found), name


@pytest.mark.parametrize(
    ("reader", "name", "value"),
    [
        ("reddit", "REDDIT_CLIENT_SECRET", "hush\udcff"),
        ("reddit", "REDDIT_API_URL", "hush"),
        ("reddit", "REDDIT_API_URL", "ftp://u:hush@reddit"),
        ("reddit", "REDDIT_AUTH_URL", "https://u:hush@[::1"),
        ("tracing", "OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://u:hush@collector"),
        ("tracing", "OTEL_EXPORTER_OTLP_TRACES_HEADERS", "authorization=Basic hush"),
        ("tracing", "OTEL_EXPORTER_OTLP_HEADERS", "hush"),
        ("tracing", "OTEL_EXPORTER_OTLP_HEADERS", "a=1,b=%0dhush"),
        ("roles", "OWNER_DATABASE_PASSWORD", "hush\udcff"),
        ("database", "DATABASE_URL", "postgresql://hush\udcff@h/d"),
        ("admin-api", "ADMIN_API_TOKEN", "hush\udcff" * 10),
        # The value is the secret itself instead of the path of its file.
        ("admin-api", "ADMIN_API_TOKEN_FILE", "hush" * 10),
        ("admin-api", "ADMIN_API_TOKEN_FILE", "/" + "hush" * 10),
        ("admin-api", "ADMIN_API_TOKEN_FILE", "hush\0"),
        ("database", "DATABASE_URL_FILE", "postgresql://u:hush@h/d"),
        ("database", "DATABASE_DIRECT_URL_FILE", "postgresql://u:hush@h/d"),
        ("roles", "OWNER_DATABASE_PASSWORD_FILE", "hush hush"),
    ],
)
def test_a_secret_that_cannot_be_used_is_named_and_not_shown(
    reader: str, name: str, value: str
) -> None:
    others = {
        "tracing": (settings.read_tracing_settings, {"OTEL_EXPORTER_OTLP_ENDPOINT": "https://c"}),
        "roles": (settings.read_role_settings, {}),
    }
    read, variables = {**READERS, **others}[reader]
    given = {key: one for key, one in variables.items() if f"{key}_FILE" != name}
    with pytest.raises(errors.SettingsError) as refused:
        read({**given, name: value})
    assert str(refused.value).startswith(name)
    assert "hush" not in str(refused.value)
