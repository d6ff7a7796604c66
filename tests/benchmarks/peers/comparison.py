"""Compute the results of a comparison: medians, spreads, ratios and verdicts."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.peers.candidates import OURS

# figure -> candidate -> one value per round
Values = Mapping[str, Mapping[str, Sequence[float]]]

MILLISECONDS = ("idle to start, p50", "idle to start, p99")  # other figures: jobs per second


@dataclass(frozen=True)
class Row:
    """The result of one candidate for one figure.

    `ratio` is the speed of this project's queue relative to the candidate. It is None if this
    project's queue was not measured.
    """

    figure: str
    candidate: str
    median: float
    spread: float  # the difference of the highest and the lowest value, relative to the median
    ratio: float | None

    def shown(self) -> str:
        digits = ".1f" if unit(self.figure) == "ms" else ",.0f"
        return f"{self.median:{digits}} {unit(self.figure)}"


@dataclass(frozen=True)
class Wish:
    """The required (`must`) and the desired (`aim`) value of a figure.

    Both are ratios to the candidate `against`. If `against` is None, they are milliseconds.
    """

    figure: str
    against: str | None
    must: float
    aim: float
    aim_against: str | None = None
    of_figure: str | None = None  # compare with this other figure of the same candidate


WISHES = (
    Wish("drain, one process", "PgQueuer", 2.0, 1.0, aim_against="graphile-worker"),
    Wish("drain, four processes", "PgQueuer", 1.5, 1.0, aim_against="graphile-worker"),
    Wish("drain before others", OURS, 0.9, 1.0, of_figure="drain, one process"),
    Wish("enqueue one by one", "PgQueuer", 1.0, 1.5),
    Wish("enqueue in bulk", "PgQueuer", 1.0, 1.0, aim_against="awa"),
    Wish("idle to start, p50", None, 5.0, 3.0),
    Wish("idle to start, p99", None, 10.0, 6.0),
)


@dataclass(frozen=True)
class Verdict:
    figure: str
    wanted: str
    measured: float | None
    holds: bool | None  # None: one of the compared values was not measured

    def __str__(self) -> str:
        return {True: "holds", False: "FALLS SHORT", None: "not measured"}[self.holds]


def unit(figure: str) -> str:
    return "ms" if figure in MILLISECONDS else "jobs/s"


def rows(values: Values) -> list[Row]:
    return [
        Row(
            figure,
            candidate,
            statistics.median(found),
            (max(found) - min(found)) / statistics.median(found),
            ratio(figure, by_candidate.get(OURS, ()), found),
        )
        for figure, by_candidate in values.items()
        for candidate, found in by_candidate.items()
        if found
    ]


def ratio(figure: str, ours: Sequence[float], theirs: Sequence[float]) -> float | None:
    """Return the median of the rounds' ratios. A round in which all are slow has no effect."""
    pairs = list(zip(ours, theirs, strict=False))
    if not pairs:
        return None
    if unit(figure) == "ms":
        return statistics.median(other / mine for mine, other in pairs)
    return statistics.median(mine / other for mine, other in pairs)


def verdicts(values: Values) -> list[Verdict]:
    return [verdict for wish in WISHES for verdict in _judged(wish, values)]


def _judged(wish: Wish, values: Values) -> list[Verdict]:
    measured = values.get(wish.figure, {})
    ours = measured.get(OURS, ())
    found = []
    for word, limit, against in (
        ("must", wish.must, wish.against),
        ("aims at", wish.aim, wish.aim_against or wish.against),
    ):
        if against is None:
            is_value = statistics.median(ours) if ours else None
            holds = None if is_value is None else is_value <= limit
            found.append(Verdict(wish.figure, f"{word} <= {limit:g} ms", is_value, holds))
            continue
        name = f"its own {wish.of_figure}" if wish.of_figure else against
        other = (values.get(wish.of_figure, {}) if wish.of_figure else measured).get(against, ())
        is_value = ratio(wish.figure, ours, other)
        holds = None if is_value is None else is_value >= limit
        found.append(Verdict(wish.figure, f"{word} {limit:g}x of {name}", is_value, holds))
    return found
