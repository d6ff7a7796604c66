"""The way to show values: the format, the time zone, and colours."""

from dataclasses import dataclass

FORMATS = ("table", "wide", "json", "jsonl", "csv", "name")


@dataclass(frozen=True)
class Style:
    """One of FORMATS; `local` shows times in the local time zone."""

    format: str
    local: bool = False
    colour: bool = False
