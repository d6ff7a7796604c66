"""The widths of a table's columns on a terminal."""

from collections.abc import Sequence

from crawlctl.output.columns import Column

GAP = 2  # blanks between two columns
NARROWEST_TEXT = 16  # a text column is not made narrower than this number of characters
KEPT = 3  # number of columns on the left that are shown even if the terminal is too narrow


def fitted(columns: Sequence[Column], natural: Sequence[int], available: int) -> list[int]:
    """Return the widths of the columns that fit, from the left. `natural` has the full widths.

    If the table is too wide, long texts become narrower. If this is not enough, columns on the
    right are left out. Ids, states and times are never cut.
    """
    widths = [
        min(width, max(available, NARROWEST_TEXT)) if column.kind == "text" else width
        for column, width in zip(columns, natural, strict=True)
    ]
    while len(widths) > KEPT and _total(widths, columns, at_least=True) > available:
        widths.pop()
    while _total(widths, columns) > available:
        widest = max(
            (place for place in range(len(widths)) if columns[place].kind == "text"),
            key=widths.__getitem__,
            default=None,
        )
        if widest is None or widths[widest] <= NARROWEST_TEXT:
            break
        widths[widest] -= 1
    return widths


def _total(widths: Sequence[int], columns: Sequence[Column], *, at_least: bool = False) -> int:
    """Return the width of the whole table. With `at_least`, texts have their smallest width."""
    found = (
        min(width, NARROWEST_TEXT) if at_least and column.kind == "text" else width
        for width, column in zip(widths, columns, strict=False)
    )
    return sum(found) + GAP * (len(widths) - 1)
