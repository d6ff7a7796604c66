"""The settings that decide whether spans are sent to a collector.

OpenTelemetry itself reads its other variables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from crawljobs import errors
from crawljobs.settings.environment import Environment

HEADERS = ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")
# A header in the format of OpenTelemetry, with a percent-encoded value. It is checked here, because
# OpenTelemetry's error message would quote the value, which may be a secret.
_HEADER = re.compile(r"\s*[A-Za-z0-9!#$%&'*+.^_`|~-]+\s*=\s*[\x21-\x2b\x2d-\x7e]*\s*")
PLAIN_HTTP = "OTEL_EXPORTER_OTLP_INSECURE"
ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


@dataclass(frozen=True)
class TracingSettings:
    named: str  # the name of the variable that holds the collector's address


def read_tracing_settings(variables: Mapping[str, str]) -> TracingSettings | None:
    """Return the settings, or None if no collector is set or OTEL_SDK_DISABLED is true.

    Raises SettingsError if the collector's address or a header is invalid.
    """
    env = Environment(variables)
    if env.flag("OTEL_SDK_DISABLED", default=False):
        return None
    for name in ENDPOINTS:
        if env.optional(name) is not None:
            env.url(name, "", plain_http=PLAIN_HTTP)
            for headers in HEADERS:
                _refuse_wrong_headers(env, headers)
            return TracingSettings(named=name)
    return None


def _refuse_wrong_headers(env: Environment, name: str) -> None:
    for header in (env.optional(name) or "").split(","):
        value = unquote(header.partition("=")[2])
        if header.strip() and not (_HEADER.fullmatch(header) and value.isprintable()):
            raise errors.SettingsError(
                f"{name}: expected name=value pairs separated by commas, each value "
                "percent-encoded: a blank is %20, a comma is %2C"
            )
