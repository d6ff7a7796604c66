"""Change production code in small ways and see whether a test notices; README.md says more."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from mutants import areas, drawing, named, record, report
from mutants.checkout import ROOT
from mutants.choosing import SECONDS_MAX, choose
from mutants.mutant import Mutant
from mutants.relations import Relations
from mutants.session import Session, Task, as_task
from mutants.trial import Trial

DEFAULT_AREAS = ("domain", "repository", "db", "worker", "api", "scheduler")


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if options.record:
        record.make(options.tests or record.RECORDED, jobs=options.jobs, tell=_say)
        return 0
    tasks = _tasks(options)
    if options.list:
        for task in tasks:
            _say(f"{task.mutant.describe()} ({len(task.tests)} tests, {task.seconds:.0f} s)")
        return 0
    with Session(jobs=options.jobs).opened() as session:
        trials = session.try_all(tasks, minutes=options.minutes, tell=_tell)
    _say(report.as_table(trials))
    if len(trials) < len(tasks):
        _say(f"{len(tasks) - len(trials)} of {len(tasks)} were not tried: the time was up")
    if options.json:
        report.write(options.json, trials, seed=options.seed, areas=options.areas)
    return 0 if report.share_noticed(trials) >= options.least else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./run mutants", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--draw", type=int, metavar="COUNT", help="mutants to draw at random")
    what.add_argument("--named", action="store_true", help="the mutants of the fixed list")
    what.add_argument("--again", type=Path, metavar="FILE", help="the survivors of a JSON result")
    what.add_argument("--record", action="store_true", help="record which tests call which code")
    parser.add_argument("--seed", type=int, default=1, help="of the draw (default: 1)")
    parser.add_argument(
        "--areas",
        type=lambda text: text.split(","),
        default=list(DEFAULT_AREAS),
        help=f"of {','.join(areas.AREAS)} (default: {','.join(DEFAULT_AREAS)})",
    )
    parser.add_argument("--jobs", type=int, default=1, help="mutants tried at once (default: 1)")
    parser.add_argument(
        "--seconds",
        type=float,
        default=SECONDS_MAX,
        help=f"of tests for each mutant; twice as many for one that survives ({SECONDS_MAX:.0f})",
    )
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin none after them")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there too")
    parser.add_argument("--list", action="store_true", help="only list the mutants")
    parser.add_argument("--only", default="", help="of the fixed list, those with this in the name")
    parser.add_argument(
        "--least", type=float, default=0.0, help="exit with 1 when a smaller share is noticed"
    )
    parser.add_argument("tests", nargs="*", help="test files or folders to record")
    return parser


def _tasks(options: argparse.Namespace) -> list[Task]:
    if options.named:
        chosen = [one for one in named.CHANGES if options.only in one.name]
        return [named.task(ROOT, one) for one in chosen]
    if options.again:
        mutants = _again(json.loads(options.again.read_text())["mutants"])
    else:
        mutants = drawing.draw(ROOT, names=options.areas, count=options.draw, seed=options.seed)
    known, relations = record.load(), Relations(ROOT)
    if not known.tests_of:
        _say("No record of which tests call which code: chosen by name. --record makes one.")
    chosen = [
        (mutant, choose(mutant, known, relations, seconds_max=options.seconds))
        for mutant in mutants
    ]
    return [as_task(mutant, choice) for mutant, choice in chosen]


def _again(results: list[dict[str, str]]) -> list[Mutant]:
    """Return the mutants that survived, at their current places in the code."""
    wanted = {one["fingerprint"] for one in results if one["status"] == "survived"}
    paths = sorted({one["path"] for one in results})
    return [
        mutant
        for path in paths
        if (ROOT / path).exists()
        for mutant in drawing.mutants_of(path, (ROOT / path).read_text())
        if mutant.fingerprint() in wanted
    ]


def _tell(trial: Trial) -> None:
    _say(report.as_line(trial))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # runs the cleanup
    sys.exit(main())
