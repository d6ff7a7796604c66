"""Tables for people, by the library rich. Without a terminal: plain text, no limit of width."""

import shutil
from collections.abc import Sequence
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from crawlctl.output.columns import Column, Item, shown
from crawlctl.output.layout import GAP, fitted
from crawlctl.output.style import Style

# Width in characters if the output is no terminal, so that no value is cut.
WIDTH_OF_PIPES = 1_000_000
_COLOURS = {
    "succeeded": "green",
    "finished": "green",
    "ready": "green",
    "active": "green",
    "ok": "green",
    "failed": "red",
    "broken": "red",
    "warning": "yellow",
    "critical": "red",
    "cancelled": "dim",
    "crawling": "cyan",
    "running": "cyan",
    "waiting": "yellow",
    "held": "yellow",
}
_COLOURED = {"status", "state", "result", "outcome", "severity"}


def write_table(
    out: TextIO, columns: Sequence[Column], items: Sequence[Item], style: Style, *, heading: bool
) -> None:
    """Write the items as rows. Raises OSError when the output is closed."""
    rows = [[_cell(column, item, style) for column in columns] for item in items]
    natural = [
        max(cell_len(column.heading), *(row[place].cell_len for row in rows))
        for place, column in enumerate(columns)
    ]
    widths = fitted(columns, natural, _terminal_width(out))
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), show_header=heading)
    for column, width in zip(columns, widths, strict=False):
        table.add_column(
            Text(column.heading),
            justify="right" if column.kind in ("number", "seconds", "bytes") else "left",
            no_wrap=True,
            overflow="ellipsis",
            width=width,
        )
    for row in rows:
        table.add_row(*row[: len(widths)])
    _print(out, table, style)


def write_fields(out: TextIO, columns: Sequence[Column], item: Item, style: Style) -> None:
    """Write the fields of one item below one another, with their names on the left."""
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for column in columns:
        table.add_row(Text(column.name.upper()), _cell(column, item, style))
    _print(out, table, style)


def _cell(column: Column, item: Item, style: Style) -> Text:
    text = shown(column, item, local=style.local)
    colour = _COLOURS.get(text, "") if column.name in _COLOURED else ""
    return Text(text, style=colour)


def _terminal_width(out: TextIO) -> int:
    return shutil.get_terminal_size().columns if out.isatty() else WIDTH_OF_PIPES


def _print(out: TextIO, table: Table, style: Style) -> None:
    is_terminal = out.isatty()
    console = Console(
        file=out,
        force_terminal=is_terminal and style.colour,
        no_color=not style.colour,
        width=_terminal_width(out),
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
    )
    if style.colour:
        console.print(table)
        return
    # Rich fills the last column with blanks, which only a terminal needs.
    with console.capture() as capture:
        console.print(table)
    out.write("".join(f"{line.rstrip()}\n" for line in capture.get().rstrip("\n").split("\n")))
