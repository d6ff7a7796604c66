"""Writes items to standard output in the chosen format."""

import csv
import itertools
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TextIO

from crawlctl.output.columns import Column, Item, Noun, plain
from crawlctl.output.style import Style
from crawlctl.output.visible_text import visible, visible_json, visible_lines

# A spreadsheet runs a cell as a formula if it begins with one of these characters. Some versions
# also accept the wide forms of = + - @. The list needs no tab, because crawlctl writes a tab as
# the two characters `\t`.
_FORMULA_STARTS = ("=", "+", "-", "@", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
PAGE_ROWS = 500  # the widths of a table's columns are computed for this number of rows at a time


class Writer:
    """Writes the items of a command. `out` is standard output, except in tests."""

    def __init__(self, style: Style, out: TextIO | None = None) -> None:
        self._style = style
        self._out = out or sys.stdout

    def items(self, noun: Noun, items: Iterable[Item], *, live: bool = False) -> int:
        """Write a list, page by page. Return the number of items.

        With `live`, each item is written as soon as it arrives. So the format `json` has one item
        on each line instead of one list.
        """
        counted = _Counted(items, self._out if live else None)
        if self._style.format == "json" and not live:
            self._json_list(counted)
        elif self._style.format in ("json", "jsonl"):
            for item in counted:
                self._line(visible_json(compact(item)))
        elif self._style.format == "csv":
            self._csv(noun, counted)
        elif self._style.format == "name":
            for item in counted:
                self._line(visible(plain(Column(noun.key).value(item))))
        else:
            self._tables(noun, counted, 1 if live else PAGE_ROWS)
        return counted.number

    def item(self, noun: Noun, item: Item) -> None:
        """Write one object. The formats `table` and `wide` show each field on a line of its own."""
        if self._style.format == "json":
            self._line(visible_json(json.dumps(item, ensure_ascii=False, indent=2)))
        elif self._style.format in ("table", "wide"):
            self._fields(noun, item)
        else:
            self.items(noun, [item])

    def text(self, text: str) -> None:
        """Write a text that is the whole result, such as a graph from the server."""
        self._line(visible_lines(text.rstrip("\n")))

    def _line(self, text: str) -> None:
        self._out.write(text + "\n")

    def _json_list(self, items: Iterable[Item]) -> None:
        separator = "["
        for item in items:
            lines = json.dumps(item, ensure_ascii=False, indent=2).replace("\n", "\n  ")
            self._out.write(f"{separator}\n  {visible_json(lines)}")
            separator = ","
        self._line("[]" if separator == "[" else "\n]")

    def _csv(self, noun: Noun, items: Iterable[Item]) -> None:
        rows = csv.writer(self._out, lineterminator="\n")
        rows.writerow([column.name for column in noun.columns])
        for item in items:
            rows.writerow([_csv_cell(column.value(item)) for column in noun.columns])

    def _columns(self, noun: Noun) -> Sequence[Column]:
        return noun.columns if self._style.format == "wide" else noun.narrow()

    def _tables(self, noun: Noun, items: Iterable[Item], page_rows: int) -> None:
        from crawlctl.output.tables import write_table

        iterator = iter(items)
        is_first = True
        while page := list(itertools.islice(iterator, page_rows)):
            write_table(self._out, self._columns(noun), page, self._style, heading=is_first)
            is_first = False

    def _fields(self, noun: Noun, item: Item) -> None:
        from crawlctl.output.tables import write_fields, write_table

        write_fields(self._out, noun.columns, item, self._style)
        for name, inner in noun.sections.items():
            rows = Column(name).value(item)
            if rows:
                self._line(f"\n{name.replace('_', ' ').replace('.', ', ')}:")
                write_table(self._out, self._columns(inner), rows, self._style, heading=True)


def _csv_cell(value: Any) -> str:
    """Return the text of a cell. A text that a spreadsheet would run gets an apostrophe in front.

    Numbers stay as they are, also those below zero.
    """
    text = visible_lines(plain(value))
    is_formula = not isinstance(value, int | float) and text.startswith(_FORMULA_STARTS)
    return f"'{text}" if is_formula else text


class _Counted:
    def __init__(self, items: Iterable[Item], out: TextIO | None) -> None:
        self._items = items
        self._out = out  # this stream is flushed after each item; None: no stream is flushed
        self.number = 0

    def __iter__(self) -> Iterator[Item]:
        for item in self._items:
            self.number += 1
            yield item
            if self._out is not None:
                self._out.flush()


def compact(value: Any) -> str:
    """Return a value as JSON on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
