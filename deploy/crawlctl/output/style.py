"""The way to show values: the format, the time zone, and colours."""

from dataclasses import dataclass

FORMATS = ("table", "wide", "json", "jsonl", "csv", "name")


@dataclass(frozen=True)
class Style:
    """How values are shown.

    - `format`: one of FORMATS.
    - `local`: whether times are in the local time zone, not in UTC.
    - `colour`: whether tables have colours.
    """

    format: str
    local: bool = False
    colour: bool = False
