"""Draw a comparison as bars, with a panel for each figure.

The Python of `.venv-peers` runs this program. Its arguments are the JSON file of the comparison and
the PNG file.
"""

import json
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot

COLUMNS = 2
OURS, OTHERS = "#1b6ca8", "#b9c4cc"


def main() -> None:
    found = json.loads(Path(sys.argv[1]).read_text())
    figures = list(dict.fromkeys(row["figure"] for row in found["rows"]))
    lines = -(-len(figures) // COLUMNS)
    sheet, axes = pyplot.subplots(lines, COLUMNS, figsize=(11, 2.6 * lines), squeeze=False)
    for panel, figure in zip(axes.flat, figures, strict=False):
        rows = [row for row in found["rows"] if row["figure"] == figure]
        is_time = figure.startswith("idle")
        rows.sort(key=lambda row: row["median"], reverse=is_time)
        names = [row["candidate"] for row in rows]
        medians = [row["median"] for row in rows]
        errors = [row["median"] * row["spread"] / 2 for row in rows]
        colours = [OURS if name == "crawljobs" else OTHERS for name in names]
        panel.barh(names, medians, xerr=errors, color=colours, ecolor="#555555", capsize=2)
        panel.set_title(f"{figure} ({'ms, less is better' if is_time else 'jobs/s'})", fontsize=9)
        panel.tick_params(labelsize=8)
        panel.spines[["top", "right"]].set_visible(False)
    for panel in axes.flat[len(figures) :]:
        panel.set_visible(False)
    sheet.tight_layout()
    sheet.savefig(sys.argv[2], dpi=110)


if __name__ == "__main__":
    main()
