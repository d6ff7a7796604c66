"""Find the clocks and the settings of live processes that differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crawljobs.domain import heartbeat_details


@dataclass(frozen=True)
class SettingDifference:
    """A setting with different values in the processes of a service."""

    role: str
    setting: str
    # For each value, the names of the processes with this value.
    processes: Mapping[str, Sequence[str]]


def clock_difference(details: Mapping[str, Any], seen_at: datetime) -> float | None:
    """Return by how many seconds the clock of a process was ahead of the database's clock.

    Return None if the heartbeat has no readable time. Heartbeats of earlier releases have no time.
    The result includes the time that the heartbeat needed to reach the database. So a result of
    some milliseconds does not show a wrong clock.
    """
    try:
        sent_at = datetime.fromisoformat(str(details[heartbeat_details.CLOCK]))
        return (sent_at - seen_at).total_seconds()
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def differing_settings(
    processes: Iterable[tuple[str, str, Mapping[str, Any]]],
) -> list[SettingDifference]:
    """Return the settings that differ between processes of the same role.

    `processes` has the role, the name and the heartbeat's details of each process. If the details
    of a process lack a setting, as in another release, the process is ignored for this setting.
    """
    found: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for role, name, details in processes:
        settings = details.get(heartbeat_details.SETTINGS)
        for setting, value in settings.items() if isinstance(settings, Mapping) else ():
            found[role, str(setting)][str(value)].append(name)
    return [
        SettingDifference(role, setting, dict(values))
        for (role, setting), values in sorted(found.items())
        if len(values) > 1
    ]
