"""Whether spans are sent to a collector. All but the address is read by OpenTelemetry itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crawljobs.environment import Environment

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


@dataclass(frozen=True)
class TracingSettings:
    named: str  # the variable that holds the address


def read_tracing_settings(variables: Mapping[str, str]) -> TracingSettings | None:
    """None when no collector is named, or OpenTelemetry is told to be silent."""
    env = Environment(variables)
    if env.flag("OTEL_SDK_DISABLED", default=False):
        return None
    for name in ENDPOINTS:
        if env.optional(name) is not None:
            env.url(name, "")
            return TracingSettings(named=name)
    return None
