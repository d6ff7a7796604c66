"""Misspelt settings are found, and ordinary variables of shells and clusters are not."""

import string
import time

import pytest
from opentelemetry.sdk import environment_variables

from crawljobs import settings
from crawljobs.settings import names
from support import service_variables, setting_readers

SHELL = """
    BASH_ENV COLORTERM COLUMNS DBUS_SESSION_BUS_ADDRESS DEBIAN_FRONTEND DISPLAY EDITOR EMAIL ENV
    FTP_PROXY GIT_AUTHOR_NAME GIT_SSL_CAINFO GOPATH GPG_TTY HISTSIZE HOME HOSTNAME IFS
    INVOCATION_ID JAVA_HOME JOURNAL_STREAM LANG LANGUAGE LC_ALL LD_LIBRARY_PATH LESS LINES LOGNAME
    LOG_DIR LOG_FILE LS_COLORS MAIL MAIL_SERVER MAKEFLAGS MANPATH MAX_JOBS MAX_WORKERS
    MEMORY_LIMIT NODE_ENV NODE_OPTIONS NOTIFY_SOCKET OLDPWD PAGER PATH PGDATABASE PGHOST
    PGPASSWORD PGSSLMODE PIP_INDEX_URL POSTGRES_DB POSTGRES_PASSWORD POSTGRES_USER PROMPT_COMMAND
    PS1 PWD PYTHONPATH PYTHONUNBUFFERED REQUESTS_CA_BUNDLE RSYNC_PROXY SHELL SHLVL SSH_AUTH_SOCK
    SSH_CONNECTION SUDO_USER SYSTEMD_EXEC_PID TERM TEST_DATABASE_URL TMPDIR TZ USER USERNAME
    VIRTUAL_ENV VISUAL WATCHDOG_PID WATCHDOG_USEC WEB_CONCURRENCY XDG_DATA_DIRS XDG_RUNTIME_DIR
    XDG_SESSION_ID _ http_proxy https_proxy no_proxy all_proxy ftp_proxy OTEL_SERVICE_NAME
    OTEL_TRACES_SAMPLER OTEL_EXPORTER_OTLP_PROTOCOL OTEL_EXPORTER_OTLP_TIMEOUT
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT DATABASE_HOST DATABASE_NAME DATABASE_PORT DATABASE_USER
    NIX_SSL_CERT_FILE REQUEST_TIMEOUT APP_LOG_LEVEL DJANGO_DATABASE_URL
    REDDIT_USERNAME REDDIT_PASSWORD PROMETHEUS_MULTIPROC_DIR GUNICORN_CMD_ARGS GUNICORN_PID
    CRAWLJOBS_VENV
"""


def of_a_service(name: str, port: int) -> list[str]:
    """Return the variables that Kubernetes sets in each pod for a service."""
    one = f"{name}_PORT_{port}_TCP"
    return [
        *(f"{name}_SERVICE_HOST", f"{name}_SERVICE_PORT", f"{name}_SERVICE_PORT_HTTP"),
        *(f"{name}_PORT", one, f"{one}_PROTO", f"{one}_PORT", f"{one}_ADDR"),
    ]


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("MAX_RETRIE", "MAX_RETRIES"),
        ("MAX_RETRY", "MAX_RETRIES"),
        ("max_retries", "MAX_RETRIES"),
        ("LEASE_SEC", "LEASE_SECONDS"),
        ("WORKER_CONCURENCY", "WORKER_CONCURRENCY"),
        ("LOGLEVEL", "LOG_LEVEL"),
        ("DATABASE_ULR", "DATABASE_URL"),
        ("USER_SUB_LIMIT", "USER_SUB_FETCH_LIMIT"),
        ("REDDIT_CLIENT_SECRT_FILE", "REDDIT_CLIENT_SECRET_FILE"),
        ("ADMIN_API_TOKENFILE", "ADMIN_API_TOKEN_FILE"),
        ("REDDIT_CLIENT_ID_FILE", "REDDIT_CLIENT_ID"),
        ("REDDIT_SECRET", "REDDIT_CLIENT_SECRET"),
        ("REDDIT_SECRET_FILE", "REDDIT_CLIENT_SECRET_FILE"),
        ("REDDIT_AGENT", "REDDIT_USER_AGENT"),
        ("REDDIT_USERAGENT", "REDDIT_USER_AGENT"),
        ("OTEL_EXPORTER_OTLP_ENDPONT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ("OTEL_EXPORTER_OTLP_HEADER", "OTEL_EXPORTER_OTLP_HEADERS"),
        ("OTEL_SDK_DISABLE", "OTEL_SDK_DISABLED"),
        ("CRAWL_MAX_RETRIES", "MAX_RETRIES"),
        ("CRAWLJOBS_DATABASE_URL", "DATABASE_URL"),
    ],
)
def test_a_misspelt_name_is_found_with_the_nearest_setting(wrong: str, meant: str) -> None:
    assert settings.misspelt([wrong, "PATH", *names.VARIABLES]) == {wrong: meant}


@pytest.mark.parametrize("word", ["SECRET", "TOKEN", "PASSWORD"])
def test_no_setting_that_is_shown_is_suggested_for_the_name_of_a_secret(word: str) -> None:
    """The value of REDDIT_USER_AGENT is a header of each request, and others are in the log."""
    secret = names.SECRETS | {f"{name}_FILE" for name in names.SECRETS}
    for prefix in ("REDDIT", "ADMIN_API", "REDDIT_USER", "REDDIT_API", "USER_SUB", "REDDIT_CLIENT"):
        for name in (f"{prefix}_{word}", f"{prefix}_{word}S", f"{prefix}_{word}_ID"):
            assert set(settings.misspelt([name]).values()) <= secret, name
    for setting in names.SETTINGS:
        for name in (f"{setting}_{word}", f"{word}_{setting}"):
            assert set(settings.misspelt([name]).values()) <= secret, name


def test_no_name_that_opentelemetry_defines_is_reported() -> None:
    defined = [name for name in vars(environment_variables) if name.startswith("OTEL_")]
    assert len(defined) > 50
    assert settings.misspelt(defined) == {}


def test_ordinary_variables_are_not_reported() -> None:
    of_services = [
        variable
        for name, port in (
            *(("KUBERNETES", 443), ("ADMIN_API", 8000), ("CRAWLJOBS", 8000), ("SCHEDULER", 8081)),
            *(("CRAWLER_WORKER", 8081), ("REDDIT_SANDBOX", 8090), ("DATABASE", 5432)),
        )
        for variable in of_a_service(name, port)
    ]
    assert settings.misspelt([*SHELL.split(), *of_services]) == {}
    assert settings.misspelt(names.VARIABLES) == {}


def test_no_variable_of_an_image_or_a_manifest_is_reported() -> None:
    assert settings.misspelt(service_variables.known()) == {}


def test_the_names_are_those_of_the_reference() -> None:
    assert setting_readers.documented() == names.SETTINGS
    text = setting_readers.TABLE.read_text()
    for name in names.SETTINGS:
        assert (f"`{name}_FILE`" in text) == (name in names.SECRETS), name


def test_the_result_and_the_time_are_bounded() -> None:
    hostile = [f"MAX_RETRIE{letter}" for letter in string.ascii_uppercase]
    hostile += [f"REDDIT_{number}_SECONDS" for number in range(50_000)] + ["X" * 1_000_000]
    began = time.perf_counter()
    found = settings.misspelt(hostile)
    assert len(found) == 10
    settings.misspelt([f"DATABASE_{number}_SECONDS" for number in range(50_000)])
    assert time.perf_counter() - began < 5
