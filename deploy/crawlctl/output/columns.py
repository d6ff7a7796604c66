"""The columns in which crawlctl prints objects. All output formats share these columns.

A Noun is a kind of object, such as jobs or groups.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crawlctl.output.sizes import shown_bytes
from crawlctl.output.times import shown_seconds, shown_time
from crawlctl.output.visible_text import visible

Item = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """One column. `path` is the place of the value in an item, such as `job.id`.

    If `read` is set, it computes the value, and `path` is not used.
    """

    name: str
    path: str = ""
    kind: str = "text"  # one of: text, number, time, seconds, bytes
    wide: bool = False  # true: the format `table` leaves the column out
    read: Callable[[Item], Any] | None = None
    title: str = ""  # the heading in tables, if it is shorter than the name

    @property
    def heading(self) -> str:
        """The heading of the column in tables."""
        return (self.title or self.name).upper()

    def value(self, item: Item) -> Any:
        """Return the value in the item, or None if the item has no value."""
        if self.read is not None:
            return self.read(item)
        found: Any = item
        for part in (self.path or self.name).split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        return found


@dataclass(frozen=True)
class Noun:
    """A kind of object.

    - `key`: the name of the field by which other commands select an object.
    - `sections`: the lists inside an object, each with its own columns.
    """

    name: str
    columns: tuple[Column, ...]
    key: str = "id"
    sections: Mapping[str, "Noun"] = field(default_factory=dict)

    def narrow(self) -> tuple[Column, ...]:
        """Return the columns of the format `table`."""
        return tuple(column for column in self.columns if not column.wide)


def shown(column: Column, item: Item, *, local: bool) -> str:
    """Return the value for people, on one line and safe for a terminal.

    Returns `-` if the item has no value.
    """
    value = column.value(item)
    if value is None or value == "":
        return "-"
    if column.kind == "time" and isinstance(value, str):
        return visible(shown_time(value, local=local))
    if column.kind == "seconds" and isinstance(value, int | float):
        return shown_seconds(value)
    if column.kind == "bytes" and isinstance(value, int | float):
        return shown_bytes(value)
    return visible(plain(value))


def plain(value: Any) -> str:
    """Return the value as text for a CSV cell. None becomes an empty text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return " ".join(map(plain, value))
    if isinstance(value, Mapping):
        return " ".join(f"{name}={plain(each)}" for name, each in value.items() if each is not None)
    return str(value)
