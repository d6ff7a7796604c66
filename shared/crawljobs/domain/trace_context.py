"""W3C Trace Context: parse and write the HTTP header `traceparent`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass

# The header of version 00. Later versions may append fields, which are ignored.
_TRACEPARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
    r"(?P<more>-[!-~]*)?",
    re.ASCII,
)
LONGEST = 256  # limit of a header in characters; a header of version 00 has 55
_INVALID_VERSION = "ff"
_SAMPLED = 0x01

# A function that returns the requested number of random bytes. It must not use a random generator
# whose state a fork copies, because forked processes would then draw the same ids.
Randomness = Callable[[int], bytes]


@dataclass(frozen=True)
class TraceContext:
    """A trace id and a span id, as hexadecimal numbers in lower case. Neither id is 0."""

    trace_id: str
    span_id: str
    sampled: bool = True

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"

    def child(self, randomness: Randomness = os.urandom) -> TraceContext:
        return TraceContext(self.trace_id, _id(8, randomness), self.sampled)


def new(randomness: Randomness = os.urandom) -> TraceContext:
    return TraceContext(trace_id=_id(16, randomness), span_id=_id(8, randomness))


def parse(traceparent: str | None) -> TraceContext | None:
    """Return the context in a traceparent header, or None if the header is missing or invalid."""
    if traceparent is None or len(traceparent) > LONGEST:
        return None
    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None or found["version"] == _INVALID_VERSION:
        return None
    if found["version"] == "00" and found["more"] is not None:
        return None
    if not int(found["trace"], 16) or not int(found["span"], 16):
        return None
    return TraceContext(found["trace"], found["span"], bool(int(found["flags"], 16) & _SAMPLED))


def _id(size: int, randomness: Randomness) -> str:
    while not any(drawn := randomness(size)):
        pass  # 0 is not a valid id
    return drawn.hex()
