"""The settings of a process that should be equal in all processes of its service.

A heartbeat stores them, so that the API can show the settings that differ.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import timedelta
from typing import Any

# These settings may differ: each process has its own address, its own size, and its own time to
# stop.
OWN = frozenset(
    {"bind", "worker_concurrency", "threads", "workers", "drain_seconds", "poll_seconds"}
)

Plain = str | float | bool | None


def values(*groups: Any) -> dict[str, Plain]:
    """Return the values in these dataclasses of settings by name, without OWN and secrets.

    Only numbers, strings, durations and nested dataclasses of these types are returned. OWN has the
    settings that may differ between processes. A field that the dataclass excludes from its repr is
    a secret.
    """
    found: dict[str, Plain] = {}
    for group in groups:
        for each in fields(group):
            value = getattr(group, each.name)
            if each.name in OWN or not each.repr:
                continue
            if isinstance(value, timedelta):
                found[each.name] = value.total_seconds()
            elif value is None or isinstance(value, str | int | float):
                found[each.name] = value
            elif is_dataclass(value):
                inner = values(value)
                found |= {f"{each.name}.{name}": held for name, held in inner.items()}
    return found
