"""Report the results of trials: as a table for people, and as JSON for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mutants.trial import Status, Trial

NOTICED = (Status.KILLED, Status.TIMEOUT)
UNNOTICED = (Status.SURVIVED,)


def share_noticed(trials: Sequence[Trial]) -> float:
    """Return the share of noticed mutants among all that a test could notice, or 1.0 if none."""
    noticed = sum(one.status in NOTICED for one in trials)
    counted = noticed + sum(one.status in UNNOTICED for one in trials)
    return noticed / counted if counted else 1.0


def mean_seconds(trials: Sequence[Trial]) -> float:
    return sum(one.seconds for one in trials) / len(trials) if trials else 0.0


def as_line(one: Trial) -> str:
    what = f"{one.status.upper():10} {one.seconds:5.1f} s  {one.mutant.describe()}"
    if one.status in (Status.KILLED, Status.FLAKY):
        return f"{what}\n{'':20}by {one.by}"
    if one.status is Status.EQUIVALENT:
        return f"{what}\n{'':20}{one.reason}"
    return f"{what}\n{'':20}{one.tests} tests" if one.status is Status.SURVIVED else what


def as_table(trials: Sequence[Trial]) -> str:
    by_status = Counter(one.status for one in trials)
    areas = sorted({_area(one) for one in trials})
    lines = [f"{'':34}" + "".join(f"{status:>12}" for status in Status)]
    for area in areas:
        here = Counter(one.status for one in trials if _area(one) == area)
        lines.append(f"{area:34}" + "".join(f"{here[status]:12}" for status in Status))
    lines.append(f"{'all':34}" + "".join(f"{by_status[status]:12}" for status in Status))
    lines.append(
        f"noticed: {share_noticed(trials):.1%} of those that can be; "
        f"{mean_seconds(trials):.1f} s a mutant"
    )
    return "\n".join(lines)


def as_json(trials: Sequence[Trial], **about: Any) -> dict[str, Any]:
    return {
        **about,
        "counts": dict(Counter(str(one.status) for one in trials)),
        "noticed": round(share_noticed(trials), 4),
        "mean_seconds": round(mean_seconds(trials), 2),
        "mutants": [
            {
                "fingerprint": one.mutant.fingerprint(),
                "path": one.mutant.path,
                "line": one.mutant.line,
                "rule": one.mutant.rule,
                "before": one.mutant.before,
                "after": one.mutant.after,
                "status": one.status,
                "by": one.by,
                "tests": one.tests,
                "reason": one.reason,
                "seconds": round(one.seconds, 2),
            }
            for one in trials
        ],
    }


def write(file: Path, trials: Sequence[Trial], **about: Any) -> None:
    file.write_text(json.dumps(as_json(trials, **about), indent=1) + "\n")


def _area(one: Trial) -> str:
    return str(Path(one.mutant.path).parent)
