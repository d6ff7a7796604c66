"""Measure how a parser's cost grows with its input. A double input may cost about twice as much."""

import contextlib
import gc
import time
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

# If the input doubles, the cost may grow by this factor. A quadratic parser costs four times more.
MOST_A_DOUBLING = 2.5
# The length of the longest input, in characters. It shows a quadratic cost, and a linear cost is
# short.
LONG = 64 * 1024
# Smaller costs pass the check, because noise would decide the result. A quadratic step over LONG
# characters costs far more.
SECONDS_MIN = 0.004
BYTES_MIN = 64 * LONG
# Disturbances only make a measurement longer. So the shortest of this many measurements counts.
ROUNDS = 10
DEAR = 100  # a cost of this many times the minimum is no noise, so one measurement is enough

Parser = Callable[[Any], object]
Family = Callable[[int], Any]
Measure = Callable[[Parser, Any], float]


def check(parse: Parser, family: Family, *, longest: int = LONG) -> None:
    """Assert that time and memory grow at most by MOST_A_DOUBLING when the input doubles.

    `family` returns an input of a given length. `longest` is the greatest length that the product
    passes to `parse`. The cost includes errors that `parse` raises.
    """
    longest = min(longest, LONG)
    with _undisturbed():
        for measure, cheap, unit in ((_seconds, SECONDS_MIN, "s"), (_peak, BYTES_MIN, "bytes")):
            costs = _costs(parse, family, longest, measure, cheap)
            factors = [more / less for less, more in pairwise(costs)]
            # The smaller factor counts. A quadratic cost is in both factors, but at a limit of the
            # parser the cost may rise once.
            assert not factors or min(factors) <= MOST_A_DOUBLING, (
                f"{longest // 4:,} characters, then twice and four times: {costs} {unit}"
            )


def _costs(
    parse: Parser, family: Family, longest: int, measure: Measure, cheap: float
) -> tuple[float, ...]:
    """Return the costs for a quarter, a half and all of the length `longest`, or () if cheap."""
    first = measure(parse, family(longest))
    if first < cheap:
        return ()
    inputs = [family(longest // part) for part in (4, 2, 1)]
    best = [float("inf")] * len(inputs)
    for _ in range(ROUNDS if first < DEAR * cheap else 1):
        best = [min(cost, measure(parse, each)) for cost, each in zip(best, inputs, strict=True)]
        if best[-1] < cheap:
            return ()
        if best[-1] <= best[0] * MOST_A_DOUBLING**2:
            break
    return tuple(best)


def _seconds(parse: Parser, given: Any) -> float:
    """Return the CPU time of the parser in this thread, so that other processes do not count."""
    before = time.thread_time()
    with contextlib.suppress(Exception):
        parse(given)
    return time.thread_time() - before


def _peak(parse: Parser, given: Any) -> float:
    tracemalloc.start()
    try:
        with contextlib.suppress(Exception):
            parse(given)
        return float(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Disable garbage collection, because it takes longer after other tests have left objects."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def repeated(piece: str, *, before: str = "", after: str = "") -> Family:
    """Return a family of texts that repeat `piece` between `before` and `after`."""

    def made(length: int) -> str:
        count = max(1, (length - len(before) - len(after)) // len(piece))
        return before + piece * count + after

    return made


def nested(opening: str, closing: str, *, core: str = "1", before: str = "") -> Family:
    """Return a family of texts with nested brackets around `core`."""

    def made(length: int) -> str:
        count = max(1, (length - len(core) - len(before)) // (len(opening) + len(closing)))
        return before + opening * count + core + closing * count

    return made


# Texts for which a badly written parser reads the same characters several times.
FAMILIES: dict[str, Family] = {
    "letters": repeated("a"),
    "digits": repeated("7"),
    "zeros": repeated("0"),
    "blanks": repeated(" "),
    "tabs": repeated("\t"),
    "newlines": repeated("\n"),
    "returns": repeated("\r\n"),
    "commas": repeated(","),
    "commas and blanks": repeated(" ,"),
    "numbers in a list": repeated("1,"),
    "semicolons": repeated("a=1; "),
    "slashes": repeated("/"),
    "names of communities": repeated("r/a"),
    "mentions": repeated(" r/abc"),
    "dots": repeated("."),
    "dotted": repeated("1.1."),
    "colons": repeated(":"),
    "minus": repeated("-"),
    "dashed": repeated("a-"),
    "percent": repeated("%"),
    "escaped percent": repeated("%25"),
    "broken percent": repeated("%u00zz"),
    "ampersands": repeated("a&"),
    "pairs": repeated("a=b&"),
    "plus": repeated("+"),
    "equals": repeated("="),
    "quotes": repeated('"'),
    "quoted": repeated('"a",'),
    "unterminated": repeated("a", before='"'),
    "backslashes": repeated("\\"),
    "escaped quotes": repeated('\\"'),
    "unterminated, escaped": repeated('\\"', before='"'),
    "single quotes": repeated("'"),
    "openers": repeated("["),
    "closers": repeated("]"),
    "braces": repeated("{"),
    "keys": repeated('{"a":'),
    "nested": nested("[", "]"),
    "nested objects": nested('{"a":', "}"),
    "angles": repeated("<"),
    "tags": repeated("<a "),
    "parentheses": repeated("("),
    "markdown links": repeated("[a]("),
    "emphasis": repeated("*a"),
    "at signs": repeated("@"),
    "escapes of a terminal": repeated("\x1b[31m"),
    "half escapes of a terminal": repeated("\x1b["),
    "control characters": repeated("\x00\x07"),
    "wide characters": repeated("\U0001f600"),
    "combining characters": repeated("\u0301", before="a"),
    "mixed combining characters": repeated("\u0345\u0301", before="a"),
    "accents": repeated("\u00e9"),
    "half surrogates": repeated("\ud83d"),
    "almost": repeated("a", after="!"),
    "almost a number": repeated("1", after="x"),
    "almost a list": repeated("1,", after="x"),
}
