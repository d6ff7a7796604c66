"""Choose the columns of a job table and their widths. Only texts are truncated, never numbers.

A width is a number of terminal cells. A cell is the place of one character of usual width.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

GAP = 2  # space between two columns, in terminal cells


@dataclass(frozen=True)
class Column:
    """A column of the job table.

    `least`: texts in this column are not truncated below this number of terminal cells. If `least`
    is None, they are never truncated.
    """

    name: str
    least: int | None = None
    is_number: bool = False


COLUMNS = (
    Column("subreddit"),
    Column("state", least=12),
    Column("phase"),
    *(Column(name, is_number=True) for name in ("page", "posts", "comments", "authors")),
    Column("requests", is_number=True),
    Column("worker", least=8),
    Column("note", least=8),
)
CUT_FIRST = ("note", "worker", "state")
# If the table is too wide, `fit` leaves out these columns one by one, in the order of this list.
LEFT_OUT_FIRST = ("worker", "page", "phase", "authors")


def fit(rows: Sequence[Mapping[str, str]], width: int) -> list[tuple[Column, int]]:
    """Return the columns to show, each with its width. The table fits into `width` if possible.

    The widths are in terminal cells.
    """
    wide = {
        column.name: max(cell_len(text) for text in (column.name, *(r[column.name] for r in rows)))
        for column in COLUMNS
    }
    least = {
        column.name: min(wide[column.name], column.least or wide[column.name]) for column in COLUMNS
    }
    shown = [column.name for column in COLUMNS]
    for name in LEFT_OUT_FIRST:
        if _total(shown, least) > width:
            shown.remove(name)
    excess = max(0, _total(shown, wide) - width)
    for name in CUT_FIRST:
        if name in shown:
            cut = min(excess, wide[name] - least[name])
            wide[name] -= cut
            excess -= cut
    return [(column, wide[column.name]) for column in COLUMNS if column.name in shown]


def _total(names: Sequence[str], widths: Mapping[str, int]) -> int:
    return sum(widths[name] for name in names) + GAP * (len(names) - 1)
