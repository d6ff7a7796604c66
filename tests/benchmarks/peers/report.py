"""Show a comparison as a table, and write it as JSON and as a plot."""

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.peers import comparison, install
from benchmarks.peers.candidates import OURS, Candidate
from benchmarks.peers.comparison import Values

PLOT_SECONDS = 120


@dataclass(frozen=True)
class Comparison:
    """All results of a comparison. `loads` has the machine's load average before each round."""

    values: Values
    candidates: list[Candidate]
    missing: dict[str, str]
    failed: dict[str, str]
    loads: list[float]
    server: str
    sizes: dict[str, Any] = field(default_factory=dict)


def show(console: Console, found: Comparison) -> None:
    table = Table("figure", "candidate", "median", "spread", f"{OURS} is")
    for row in comparison.rows(found.values):
        times = "" if row.ratio is None else f"{row.ratio:.2f}x as fast"
        table.add_row(
            row.figure,
            row.candidate,
            row.shown(),
            f"{100 * row.spread:.0f} %",
            "" if row.candidate == OURS else times,
        )
    console.print(table)
    verdicts = Table("figure", "wanted of ours", "measured", "verdict")
    for verdict in comparison.verdicts(found.values):
        measured = "" if verdict.measured is None else f"{verdict.measured:.3g}"
        verdicts.add_row(verdict.figure, verdict.wanted, measured, str(verdict))
    console.print(verdicts)
    for candidate in found.candidates:
        console.print(f"{candidate.name}: {candidate.guarantees}. Settings: {candidate.settings}.")
    for name, reason in {**found.missing, **found.failed}.items():
        console.print(f"{name} was not measured: {reason}")
    console.print(f"load as each round began: {', '.join(f'{load:.2f}' for load in found.loads)}")


def write_json(path: Path, found: Comparison) -> None:
    plain = {
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version()},
        "server": found.server,
        "sizes": found.sizes,
        "loads": found.loads,
        "values": {figure: dict(by) for figure, by in found.values.items()},
        "rows": [asdict(row) for row in comparison.rows(found.values)],
        "verdicts": [
            {**asdict(verdict), "verdict": str(verdict)}
            for verdict in comparison.verdicts(found.values)
        ],
        "candidates": [asdict(candidate) for candidate in found.candidates],
        "missing": found.missing,
        "failed": found.failed,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(plain, indent=2) + "\n")


def plot(console: Console, json_file: Path) -> None:
    """Draw the plot with the Python of `.venv-peers`, which has matplotlib.

    If that fails, a message says so.
    """
    picture = json_file.with_suffix(".png")
    command = [str(install.python()), str(Path(__file__).with_name("plot.py")), json_file, picture]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=PLOT_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        console.print(f"no plot, for want of matplotlib: {error}")
    else:
        console.print(f"{picture}")
